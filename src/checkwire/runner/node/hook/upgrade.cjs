'use strict';

// The upgrade request and its answer, as their bytes pass (RFC 6455 section 4).

const { createHash } = require('node:crypto');
const { HeadReader, header } = require('./http_head.cjs');
const { limits } = require('./limits.cjs');
const { placeOf } = require('./phases.cjs');

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const BODY = 512; // bytes of a refusing answer that are kept

class Upgrade {
  constructor() {
    this.request = new HeadReader();
    this.response = new HeadReader();
    this.answer = null; // status, reason, headers
    this.body = [];
    this.bodySize = 0;
    this.bodyExpected = Infinity;
  }

  sent(data) {
    if (!this.request.ended) this.request.feed(data);
  }

  /**
   * Take bytes of the answer. Returns what comes after it: a Buffer once the answer is a 101, true
   * once it is whole and is none, and null as long as there is more to come.
   */
  received(data) {
    let rest = data;
    if (this.answer === null) {
      rest = this.response.feed(data);
      const head = rest === null ? null : this.response.parse();
      const match = head && /^HTTP\/1\.\d (\d{3}) ?(.*)$/.exec(head.first);
      if (!match) return null;
      this.answer = { status: Number(match[1]), reason: match[2], headers: head.headers };
      if (this.accepted) return rest;
      const length = header(head.headers, 'content-length');
      if (length !== undefined) this.bodyExpected = Number(length);
    }
    const most = BODY + limits.payload;
    if (this.bodySize < most) this.body.push(rest);
    this.bodySize += rest.length;
    return this.bodySize >= Math.min(this.bodyExpected, most) ? true : null;
  }

  get accepted() {
    return this.answer?.status === 101;
  }

  /** Whether the 101 is none by the rules, section 4.1: not all libraries look. */
  get broken() {
    const { headers } = this.answer;
    const asked = this.requestHeaders;
    const key = header(asked, 'sec-websocket-key') ?? '';
    const accept = createHash('sha1').update(`${key}${GUID}`).digest('base64');
    const offered = header(asked, 'sec-websocket-protocol')?.split(',').map((one) => one.trim());
    const { subprotocol } = this;
    return (
      header(headers, 'upgrade')?.toLowerCase() !== 'websocket' ||
      header(headers, 'sec-websocket-accept') !== accept ||
      this.extensions.some((one) => !isOffered(asked, one)) ||
      (subprotocol === null ? offered !== undefined : !offered?.includes(subprotocol))
    );
  }

  get requestHeaders() {
    return this.request.parse()?.headers ?? [];
  }

  get subprotocol() {
    return header(this.answer.headers, 'sec-websocket-protocol') ?? null;
  }

  get extensions() {
    return extensionsOf(this.answer.headers);
  }

  /** As the event `handshake` has it. */
  handshake(socket) {
    const { status, reason, headers } = this.answer;
    return {
      request_target: this.request.parse()?.first.split(' ')[1] ?? '',
      request_headers: this.requestHeaders,
      status,
      reason,
      response_headers: headers,
      remote_address: placeOf(socket.remoteAddress, socket.remotePort),
      local_address: placeOf(socket.localAddress, socket.localPort),
      subprotocol: this.subprotocol,
      extensions: this.extensions,
    };
  }

  /** The answer that is no 101, or no good one. */
  facts() {
    return {
      head: this.response.data.toString('base64'),
      body: Buffer.concat(this.body).toString('base64'),
      request_headers: this.requestHeaders,
    };
  }
}

function isOffered(headers, extension) {
  const name = extension.split(';')[0].trim();
  return extensionsOf(headers).some((one) => one.split(';')[0].trim() === name);
}

function extensionsOf(headers) {
  const value = header(headers, 'sec-websocket-extensions');
  return value ? value.split(',').map((one) => one.trim()) : [];
}

module.exports = { Upgrade };
