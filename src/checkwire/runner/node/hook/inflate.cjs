'use strict';

// Messages as they were before permessage-deflate (RFC 7692), of one direction.

const zlib = require('node:zlib');

const TAIL = Buffer.from([0, 0, 0xff, 0xff]);
const MOST = 64 * 1024 * 1024;

class Inflater {
  constructor(keepsContext) {
    this.keepsContext = keepsContext;
    this.inflate = null;
    this.broken = false;
  }

  /** The message; null if it cannot be had. */
  message(parts) {
    if (this.broken) return null;
    try {
      if (this.inflate === null) {
        this.inflate = zlib.createInflateRaw({ maxOutputLength: MOST });
        this.inflate.on('error', () => {});
      } else if (!this.keepsContext) {
        this.inflate.reset();
      }
      // What zlib.inflateRawSync() itself is made of: streams have no other way to be synchronous.
      return this.inflate._processChunk(Buffer.concat([...parts, TAIL]), zlib.constants.Z_SYNC_FLUSH);
    } catch {
      this.broken = true;
      return null;
    }
  }

  close() {
    this.inflate?.close();
    this.inflate = null;
    this.broken = true;
  }
}

module.exports = { Inflater };
