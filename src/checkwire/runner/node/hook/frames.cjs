'use strict';

// Frames of one direction, out of the bytes on the wire (RFC 6455 section 5.2).

const { limits } = require('./limits.cjs');

const NONE = Buffer.alloc(0);
/** A status line and the name of a header: so much of a response that it is one. */
const HTTP = /HTTP\/1\.[01] [1-5]\d\d[^\r\n]{0,200}\r\n[!#-9A-~]+:/;

/**
 * Takes the bytes of one direction as they pass, and tells of each frame when it is whole.
 *
 * onHttp(data): HTTP came where a frame should begin, for which no frame can be taken: a proxy on
 * the way wrote its error page. After it nothing is read any more.
 *
 * onBroken(rule): a header breaks a rule for which libraries do not look. It is read as it is meant.
 *
 * onFrame(opcode, fin, compressed, size, payload, at): `payload` holds the beginning, as much as is
 * kept; all of it where the frame is compressed, for what comes later builds upon it.
 */
class FrameReader {
  constructor(onFrame, onHttp, onBroken) {
    this.onFrame = onFrame;
    this.onHttp = onHttp;
    this.onBroken = onBroken;
    this.last = NONE; // What came last, perhaps with several frames in it.
    this.foreign = false;
    this.header = NONE; // The beginning of a header that came in pieces.
    this.left = 0; // Bytes of the payload that are still to come.
    this.inside = false;
    this.opcode = 0;
    this.fin = true;
    this.rsv1 = false;
    this.size = 0;
    this.mask = null;
    this.parts = [];
    this.kept = 0;
    this.wanted = 0;
    this.seen = 0; // Bytes of this payload that have passed.
    this.compressed = false; // The message that is under way.
  }

  /** Whether it is in the middle of a frame, and how much of it has come. */
  get partial() {
    return this.inside ? this.seen + 2 : this.header.length;
  }

  get missing() {
    return this.inside ? this.left : 0;
  }

  /** HTTP in the frame that is under way, or in what came last; null if there is none. */
  get httpInside() {
    for (const data of [this.inside ? Buffer.concat(this.parts) : NONE, this.last]) {
      const match = HTTP.exec(data.toString('latin1'));
      if (match) return data.subarray(match.index);
    }
    return null;
  }

  feed(chunk, at) {
    if (this.foreign) return;
    this.last = chunk;
    let data = chunk;
    let start = 0;
    if (this.header.length) {
      data = Buffer.concat([this.header, chunk]);
      this.header = NONE;
    }
    const end = data.length;
    for (;;) {
      if (!this.inside) {
        if (data[start] === 0x48 && data.toString('latin1', start, start + 7) === 'HTTP/1.') {
          this.foreign = true;
          this.onHttp?.(data.subarray(start));
          return;
        }
        const size = this.readHeader(data, start, end);
        if (size === 0) {
          if (start < end) this.header = Buffer.from(data.subarray(start, end));
          return;
        }
        start += size;
      }
      const take = Math.min(this.left, end - start);
      if (take) {
        this.take(data, start, start + take);
        start += take;
      }
      if (this.left) return;
      this.inside = false;
      const payload = this.parts.length === 1 ? this.parts[0] : Buffer.concat(this.parts);
      this.parts = [];
      this.onFrame(this.opcode, this.fin, this.compressed && this.opcode < 8, this.size, payload, at);
    }
  }

  /** Returns the header's length; 0 if it is not all there. */
  readHeader(data, start, end) {
    if (end - start < 2) return 0;
    const first = data[start];
    const second = data[start + 1];
    let length = second & 127;
    let at = start + 2;
    if (length === 126) {
      if (end - at < 2) return 0;
      length = data.readUInt16BE(at);
      if (length < 126) this.onBroken?.('payload length is not minimal');
      at += 2;
    } else if (length === 127) {
      if (end - at < 8) return 0;
      length = data.readUInt32BE(at) * 2 ** 32 + data.readUInt32BE(at + 4);
      if (length < 2 ** 16) this.onBroken?.('payload length is not minimal');
      if (length >= 2 ** 63) this.onBroken?.('payload length has its first bit set');
      at += 8;
    }
    this.mask = null;
    if (second & 128) {
      if (end - at < 4) return 0;
      this.mask = data.subarray(at, at + 4);
      at += 4;
    }
    this.fin = (first & 128) !== 0;
    this.rsv1 = (first & 64) !== 0;
    this.opcode = first & 15;
    if (this.rsv1 && this.opcode === 0) this.onBroken?.('RSV1 bit set in continuation frame');
    if (this.rsv1 && this.opcode >= 8) this.onBroken?.('reserved bits must be 0');
    if (this.opcode === 1 || this.opcode === 2) this.compressed = this.rsv1;
    this.size = this.left = length;
    this.seen = 0;
    this.kept = 0;
    // Text may have four bytes a character.
    this.wanted = this.compressed && this.opcode < 8 ? length : Math.min(length, 4 * limits.payload);
    this.inside = true;
    return at - start;
  }

  take(data, start, end) {
    const size = end - start;
    const keep = Math.min(size, this.wanted - this.kept);
    if (keep > 0) {
      let part = data.subarray(start, start + keep);
      if (this.mask !== null) part = unmask(part, this.mask, this.seen);
      else if (this.left > size || this.parts.length) part = Buffer.from(part);
      this.parts.push(part);
      this.kept += keep;
    }
    this.seen += size;
    this.left -= size;
  }
}

function unmask(data, mask, offset) {
  const size = data.length;
  const plain = Buffer.allocUnsafe(size);
  for (let i = 0; i < size; i += 1) plain[i] = data[i] ^ mask[(offset + i) & 3];
  return plain;
}

module.exports = { FrameReader };
