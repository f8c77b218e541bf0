'use strict';

// An open WebSocket: its frames and messages, and what they say of it.

const { tell, tellLine } = require('./stream.cjs');
const { limits } = require('./limits.cjs');
const { FrameReader } = require('./frames.cjs');
const { Inflater } = require('./inflate.cjs');

const OPCODES = { 0: 'continuation', 1: 'text', 2: 'binary', 8: 'close', 9: 'ping', 10: 'pong' };
const TEXT = 1;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const PINGS = 1000; // that may wait for their pongs

class Session {
  /**
   * number: of the connection. opened: when. owner: told of messages (onMessage), of the first one
   * (onFirst), of Close frames (onClose), of HTTP where a frame should be (onHttp), and of broken
   * rules (onBroken).
   */
  constructor(number, opened, extensions, owner) {
    this.number = number;
    this.opened = opened;
    this.owner = owner;
    this.frames = 0;
    this.counts = { messages_in: 0, messages_out: 0, bytes_in: 0, bytes_out: 0 };
    this.sentAt = opened;
    this.receivedAt = opened;
    this.silentBefore = 0;
    this.pings = new Map();
    this.lastSent = null; // The message that waits for its reply.
    const deflate = extensions.find((one) => one.startsWith('permessage-deflate'));
    this.incoming = new Direction('in', deflate, 'server_no_context_takeover');
    this.outgoing = new Direction('out', deflate, 'client_no_context_takeover');
    const read = (direction, ...others) =>
      new FrameReader((...frame) => this.frame(direction, ...frame), ...others);
    this.incoming.reader = read(
      this.incoming, (data) => owner.onHttp(data), (rule) => owner.onBroken(rule));
    this.outgoing.reader = read(this.outgoing);
  }

  sent(data, at) {
    this.outgoing.reader.feed(data, at);
  }

  received(data, at) {
    this.incoming.reader.feed(data, at);
  }

  /** Whether something came that could not be inflated. */
  get spoiled() {
    return this.incoming.inflater?.broken ?? false;
  }

  end() {
    this.incoming.inflater?.close();
    this.outgoing.inflater?.close();
  }

  frame(direction, opcode, fin, compressed, wireSize, payload, at) {
    const number = (this.frames += 1);
    const { name } = direction;
    if (opcode === CLOSE) {
      this.owner.onClose(name, payload, at);
    } else if (name === 'in') {
      this.receivedAt = at;
    } else {
      this.silentBefore = at - Math.max(this.sentAt, this.receivedAt);
      this.sentAt = at;
    }
    const told = { name, number, opcode, fin, compressed, size: wireSize, wireSize, at };
    if (opcode >= CLOSE || (fin && opcode !== 0 && !compressed)) {
      tellFrame(this.number, told, opcode, payload, wireSize);
      if (opcode < CLOSE) this.message(name, number, wireSize, at);
      else if (opcode !== CLOSE) this.pinged(name, number, opcode, payload, at);
      return;
    }
    // Of a fragmented or compressed message, the payload is told when it is complete.
    direction.add(opcode, payload, wireSize);
    if (!fin) {
      tellFrame(this.number, told, opcode, null, 0);
      return;
    }
    const whole = direction.take(compressed);
    if (opcode !== 0) told.size = whole.size;
    tellFrame(this.number, told, whole.opcode, whole.payload, whole.size);
    this.message(name, number, whole.size, at);
  }

  message(name, number, size, at) {
    const { counts } = this;
    if (name === 'out') {
      counts.messages_out += 1;
      counts.bytes_out += size;
      // Of two that were sent, nobody can say which one is answered.
      this.lastSent = this.lastSent === null ? { number, at } : undefined;
      return;
    }
    counts.messages_in += 1;
    counts.bytes_in += size;
    if (counts.messages_in === 1) this.owner.onFirst(at);
    this.owner.onMessage();
    if (this.lastSent) this.roundTrip('reply', this.lastSent, number, at);
    this.lastSent = null;
  }

  pinged(name, number, opcode, payload, at) {
    const key = payload.toString('latin1');
    if (name === 'out' && opcode === PING) {
      if (this.pings.size < PINGS) this.pings.set(key, { number, at });
    } else if (name === 'in' && opcode === PONG && this.pings.has(key)) {
      this.roundTrip('ping', this.pings.get(key), number, at);
      this.pings.delete(key);
    }
  }

  roundTrip(kind, request, answer, at) {
    tell({ type: 'round_trip', at_ns: request.at, connection: this.number, kind,
      duration_ns: at - request.at, request: request.number, answer });
  }
}

/** What is sent, or what comes. */
class Direction {
  constructor(name, deflate, noContext) {
    this.name = name;
    this.inflater = deflate ? new Inflater(!deflate.includes(noContext)) : null;
    this.reader = null;
    this.opcode = 0;
    this.parts = [];
    this.size = 0;
  }

  /** A frame of a message that is not to be told by itself. */
  add(opcode, payload, size) {
    if (opcode !== 0) {
      this.opcode = opcode;
      this.parts = [];
      this.size = 0;
    }
    this.parts.push(Buffer.from(payload));
    this.size += size;
  }

  /** The message that is complete. */
  take(compressed) {
    const payload = compressed ? this.inflater?.message(this.parts) ?? null : Buffer.concat(this.parts);
    this.parts = [];
    const size = compressed && payload !== null ? payload.length : this.size;
    return { opcode: this.opcode, payload, size };
  }
}

/** By hand: it is what is told most. `whole` is the payload's size before it was cut. */
function tellFrame(connection, frame, kind, payload, whole) {
  const { name, number, opcode, fin, compressed, size, wireSize, at } = frame;
  let line = `{"type":"frame_seen","at_ns":${at},"connection":${connection},"number":${number}` +
    `,"direction":"${name}","opcode":"${OPCODES[opcode] ?? 'continuation'}"` +
    `,"size":${size},"wire_size":${wireSize}`;
  if (!fin) line += ',"fin":false';
  if (compressed) line += ',"compressed":true';
  if (payload !== null && (payload.length || kind < CLOSE)) {
    line += shown(kind, payload);
    if (whole > payload.length) line += ',"truncated":true';
  }
  tellLine(`${line}}`);
}

function shown(kind, payload) {
  const most = limits.payload;
  if (kind === TEXT) {
    // A character has up to four bytes.
    const text = payload.toString('utf8', 0, Math.min(payload.length, 4 * most));
    return `,"payload":${JSON.stringify(text.length > most ? text.slice(0, most) : text)}`;
  }
  if (kind === CLOSE && payload.length >= 2) {
    const said = `${payload.readUInt16BE(0)} ${payload.toString('utf8', 2)}`.trimEnd();
    return `,"payload":${JSON.stringify(said)}`;
  }
  const data = payload.toString('base64', 0, Math.min(payload.length, most));
  return `,"payload":"${data}","base64":true`;
}

module.exports = { Session };
