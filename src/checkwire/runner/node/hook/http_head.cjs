'use strict';

// The heads of the upgrade request and of its answer (RFC 9112).

const LIMIT = 64 * 1024;

/** Gathers the bytes of a head. feed() returns what comes after it, or null while it is not whole. */
class HeadReader {
  constructor() {
    this.data = Buffer.alloc(0);
    this.ended = false;
    this.size = 0;
  }

  feed(chunk) {
    this.data = this.data.length ? Buffer.concat([this.data, chunk]) : chunk;
    const end = this.data.indexOf('\r\n\r\n');
    if (end < 0) return null;
    this.ended = true;
    this.size = end + 4;
    const rest = this.data.subarray(this.size);
    this.data = this.data.subarray(0, this.size);
    return rest;
  }

  get tooLarge() {
    return !this.ended && this.data.length > LIMIT;
  }

  /** First line and headers; null if it is none. */
  parse() {
    const [first, ...lines] = this.data.toString('latin1', 0, this.size - 4).split('\r\n');
    const headers = [];
    for (const line of lines) {
      const colon = line.indexOf(':');
      if (colon < 1) return null;
      headers.push([line.slice(0, colon), line.slice(colon + 1).trim()]);
    }
    return { first, headers };
  }
}

/** The value of a header, joined if there are several; undefined if there is none. */
function header(headers, name) {
  const values = headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
  return values.length ? values.join(', ') : undefined;
}

module.exports = { HeadReader, header };
