'use strict';

// One WebSocket of the script, from dial to close, as its bytes tell it: which library speaks does
// not matter. What went wrong is told as facts; the runner names it.

const { createHash } = require('node:crypto');
const { errorMonitor } = require('node:events');
const net = require('node:net');
const { now } = require('./clock.cjs');
const { tell, tellLine } = require('./stream.cjs');
const { limits } = require('./limits.cjs');
const { FrameReader } = require('./frames.cjs');
const { HeadReader, header } = require('./http_head.cjs');
const { Inflater } = require('./inflate.cjs');
const { phasesOf, tlsOf, placeOf } = require('./phases.cjs');
const { errorFacts } = require('./error_facts.cjs');

const OPCODES = { 0: 'continuation', 1: 'text', 2: 'binary', 8: 'close', 9: 'ping', 10: 'pong' };
const CLOSE = 8;
/** With these a client says that the server broke the rules, RFC 6455 section 7.4.1. */
const VIOLATED = [1002, 1007, 1009];
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const CLOSED = 3; // as readyState
const BODY = 512; // bytes of a refusing answer that are kept

const all = [];

/** All connections so far, in the order in which they were begun. */
function connections() {
  return all;
}

/** How many messages were received for which the script had a listener. */
let heard = 0;
function messagesHeard() {
  return heard;
}

class Connection {
  /**
   * url: where to. listens: whether the script has a listener for messages, asked when one comes.
   */
  constructor(url, began, listens) {
    this.number = all.push(this);
    this.url = url;
    this.began = began ?? now();
    this.listens = listens ?? (() => this.libraryListens());
    this.made = null; // Node's own WebSocket, if it is that.
    this.gone = false;
    this.record = null;
    this.state = 'dialling'; // upgrading, open, closing, closed
    this.failed = false;
    this.library = null;
    this.localError = null;
    this.requested = null;
    this.requestHead = new HeadReader();
    this.answerHead = new HeadReader();
    this.answer = null;
    this.body = [];
    this.bodySize = 0;
    this.bodyExpected = Infinity;
    this.opened = null;
    this.closedAt = 0;
    this.frames = 0;
    this.counts = { messages_in: 0, messages_out: 0, bytes_in: 0, bytes_out: 0 };
    this.firstMessage = false;
    this.sentAt = 0;
    this.receivedAt = 0;
    this.silentBefore = 0;
    this.closeSent = null;
    this.closeReceived = null;
    this.closeBegan = null;
    this.initiator = '';
    this.remoteEnded = false;
    this.pings = new Map();
    this.lastSent = null; // The message that waits for its reply.
    this.message = { in: [], out: [], inSize: 0, outSize: 0 };
    this.inflaters = { in: null, out: null };
    tell({ type: 'connection_started', at_ns: this.began, connection: this.number, url });
  }

  /** This is its socket; `head` is the request, if it is known. */
  bind(record, head) {
    if (this.record !== null) return;
    this.record = record;
    if (head) this.requestHead.feed(Buffer.from(head, 'latin1'));
    this.began = Math.min(this.began, record.began);
    record.onChange = (what, error) => this.changed(what, error);
    this.tap(record.socket);
    if (record.connected !== null) this.changed('connect');
  }

  /** See the bytes of the socket pass. */
  tap(socket) {
    const { push, _writeGeneric: write } = socket;
    socket.push = (chunk, encoding) => {
      try {
        if (chunk === null) this.remoteEnded ||= !socket.writableEnded;
        else this.received(chunk);
      } catch (error) {
        this.lost(error);
      }
      return push.call(socket, chunk, encoding);
    };
    socket._writeGeneric = (several, data, encoding, done) => {
      // While it connects, Node calls this once more when it has.
      if (!socket.connecting) {
        try {
          if (several) for (const one of data) this.sent(bytes(one.chunk, one.encoding));
          else this.sent(bytes(data, encoding));
        } catch (error) {
          this.lost(error);
        }
      }
      return write.call(socket, several, data, encoding, done);
    };
  }

  /** What is ours went wrong: say so, and see nothing more of this connection. */
  lost(error) {
    this.received = this.sent = () => {};
    tell({ type: 'logged', at_ns: now(), level: 'warning', source: 'checkwire',
      message: `connection ${this.number} is no longer watched: ${error.stack}` });
  }

  changed(what, error) {
    switch (what) {
      case 'connect':
        for (const phase of phasesOf(this.record)) this.phase(...phase);
        break;
      case 'secure': {
        const tls = tlsOf(this.record);
        if (tls) tell({ type: 'tls', at_ns: now(), connection: this.number, ...tls });
        break;
      }
      case 'secureConnect':
        this.phase('tls', this.record.connected, this.record.secured);
        // The request was given to TLS before, and has to wait for it.
        if (this.requested !== null) this.requested = this.record.secured;
        break;
      case 'error':
        this.broken(error);
        break;
      case 'close':
        this.ended();
        break;
    }
  }

  phase(name, began, ended, details) {
    tell({ type: 'phase', at_ns: began, connection: this.number, name,
      duration_ns: Math.max(0, ended - began), details });
  }

  // The upgrade

  sent(data) {
    if (this.opened !== null) {
      this.outgoing.feed(data, now());
      return;
    }
    if (this.requested === null) {
      this.requested = now();
      this.state = 'upgrading';
    }
    if (!this.requestHead.ended) this.requestHead.feed(data);
  }

  received(data) {
    const at = now();
    if (this.opened !== null) {
      this.incoming.feed(data, at);
      return;
    }
    if (this.answer !== null) {
      this.gatherBody(data);
      return;
    }
    const rest = this.answerHead.feed(data);
    if (rest === null) return;
    const head = this.answerHead.parse();
    const match = head && /^HTTP\/1\.\d (\d{3}) ?(.*)$/.exec(head.first);
    if (!match) return;
    this.answer = { status: Number(match[1]), reason: match[2], headers: head.headers, at };
    this.tellHandshake();
    if (this.answer.status !== 101) {
      const length = header(head.headers, 'content-length');
      if (length !== undefined) this.bodyExpected = Number(length);
      this.gatherBody(rest);
      return;
    }
    if (this.breaksHandshake()) this.reject();
    this.open(at);
    if (rest.length) this.incoming.feed(rest, at);
  }

  gatherBody(data) {
    if (this.bodySize < BODY + limits.payload) this.body.push(data);
    this.bodySize += data.length;
    if (this.bodySize >= Math.min(this.bodyExpected, BODY + limits.payload)) this.refused();
  }

  refused() {
    this.fault('answer', { place: this.place, head: this.answerHead.data.toString('base64'),
      body: Buffer.concat(this.body).toString('base64') });
  }

  /** Whether the 101 is none by the rules, RFC 6455 section 4.1: not all libraries look. */
  breaksHandshake() {
    const { headers } = this.answer;
    const asked = this.requestHead.parse()?.headers ?? [];
    const key = header(asked, 'sec-websocket-key') ?? '';
    const accept = createHash('sha1').update(`${key}${GUID}`).digest('base64');
    const offered = header(asked, 'sec-websocket-protocol')?.split(',').map((one) => one.trim());
    const chosen = header(headers, 'sec-websocket-protocol');
    return (
      header(headers, 'upgrade')?.toLowerCase() !== 'websocket' ||
      header(headers, 'sec-websocket-accept') !== accept ||
      extensionsOf(headers).some((one) => !offersExtension(asked, one)) ||
      (chosen === undefined ? offered !== undefined : !offered?.includes(chosen))
    );
  }

  reject() {
    this.fault('rejected', { head: this.answerHead.data.toString('base64'), place: this.place,
      request_headers: this.requestHead.parse()?.headers ?? [], said: this.localError?.message ?? '' });
  }

  tellHandshake() {
    const request = this.requestHead.parse();
    const { status, reason, headers } = this.answer;
    const { socket } = this.record;
    tell({
      type: 'handshake',
      at_ns: this.answer.at,
      connection: this.number,
      request_target: request?.first.split(' ')[1] ?? '',
      request_headers: request?.headers ?? [],
      status,
      reason,
      response_headers: headers,
      remote_address: placeOf(socket.remoteAddress, socket.remotePort),
      local_address: placeOf(socket.localAddress, socket.localPort),
      subprotocol: header(headers, 'sec-websocket-protocol') ?? null,
      extensions: extensionsOf(headers),
    });
  }

  open(at) {
    this.opened = at;
    this.state = 'open';
    // The library takes the socket as it takes the answer, which is about to happen.
    process.nextTick(() => this.findLibrary());
    this.phase('upgrade', this.requested ?? this.began, at);
    this.phase('open', this.began, at);
    for (const extension of extensionsOf(this.answer.headers)) {
      if (!extension.startsWith('permessage-deflate')) continue;
      this.inflaters.in = new Inflater(!extension.includes('server_no_context_takeover'));
      this.inflaters.out = new Inflater(!extension.includes('client_no_context_takeover'));
    }
    this.incoming = new FrameReader((...frame) => this.frame('in', ...frame), (data) => {
      this.fault('not_websocket', { place: this.place, data: data.toString('base64', 0, 4096) });
    });
    this.outgoing = new FrameReader((...frame) => this.frame('out', ...frame));
  }

  // Frames

  frame(direction, opcode, fin, compressed, wireSize, payload, at) {
    const number = (this.frames += 1);
    if (opcode === CLOSE) {
      this.closeFrame(direction, payload, at);
    } else if (direction === 'in') {
      this.receivedAt = at;
    } else {
      this.silentBefore = at - Math.max(this.sentAt, this.receivedAt, this.opened);
      this.sentAt = at;
    }
    if (opcode >= 8) {
      this.tellFrame(direction, number, opcode, fin, false, wireSize, wireSize, payload, at, wireSize);
      if (opcode !== CLOSE) this.pinged(direction, number, opcode, payload, at);
      return;
    }
    const message = this.message;
    if (fin && opcode !== 0 && !compressed) {
      this.tellFrame(direction, number, opcode, fin, false, wireSize, wireSize, payload, at, wireSize);
      this.messageEnded(direction, number, wireSize, at);
      return;
    }
    // Of a fragmented or compressed message, the payload is told when it is complete.
    if (opcode !== 0) {
      message[direction] = [];
      message[`${direction}Size`] = 0;
      message[`${direction}Opcode`] = opcode;
    }
    message[direction].push(Buffer.from(payload));
    message[`${direction}Size`] += wireSize;
    if (!fin) {
      this.tellFrame(direction, number, opcode, fin, compressed, wireSize, wireSize, null, at, 0);
      return;
    }
    let whole = compressed
      ? this.inflaters[direction]?.message(message[direction])
      : Buffer.concat(message[direction]);
    const size = whole && compressed ? whole.length : message[`${direction}Size`];
    whole ??= null;
    message[direction] = [];
    this.tellFrame(direction, number, opcode, fin, compressed, opcode === 0 ? wireSize : size,
      wireSize, whole, at, size, message[`${direction}Opcode`]);
    this.messageEnded(direction, number, size, at);
  }

  tellFrame(direction, number, opcode, fin, compressed, size, wireSize, payload, at, whole, kind) {
    let line = `{"type":"frame_seen","at_ns":${at},"connection":${this.number},"number":${number}` +
      `,"direction":"${direction}","opcode":"${OPCODES[opcode] ?? 'continuation'}"` +
      `,"size":${size},"wire_size":${wireSize}`;
    if (!fin) line += ',"fin":false';
    if (compressed) line += ',"compressed":true';
    const type = kind ?? opcode;
    if (payload !== null && (payload.length || type < 8)) {
      if (type === 1) {
        const text = payload.toString('utf8', 0, Math.min(payload.length, 4 * limits.payload));
        line += `,"payload":${JSON.stringify(text.slice(0, limits.payload))}`;
      } else if (type === CLOSE && payload.length >= 2) {
        const said = `${payload.readUInt16BE(0)} ${payload.toString('utf8', 2)}`.trimEnd();
        line += `,"payload":${JSON.stringify(said)}`;
      } else {
        line += `,"payload":"${payload.toString('base64', 0, Math.min(payload.length, limits.payload))}"` +
          ',"base64":true';
      }
      if (whole > payload.length) line += ',"truncated":true';
    }
    tellLine(`${line}}`);
  }

  messageEnded(direction, number, size, at) {
    const { counts } = this;
    if (direction === 'out') {
      counts.messages_out += 1;
      counts.bytes_out += size;
      // Of two that were sent, nobody can say which one is answered.
      this.lastSent = this.lastSent === null ? { number, at } : undefined;
      return;
    }
    counts.messages_in += 1;
    counts.bytes_in += size;
    if (this.listens()) heard += 1;
    if (!this.firstMessage) {
      this.firstMessage = true;
      this.phase('first_message', this.opened, at);
    }
    if (this.lastSent) this.roundTrip('reply', this.lastSent, number, at);
    this.lastSent = null;
  }

  pinged(direction, number, opcode, payload, at) {
    const key = payload.toString('latin1');
    if (direction === 'out' && opcode === 9) {
      this.pings.set(key, { number, at });
    } else if (direction === 'in' && opcode === 10 && this.pings.has(key)) {
      this.roundTrip('ping', this.pings.get(key), number, at);
      this.pings.delete(key);
    }
  }

  roundTrip(kind, request, answer, at) {
    tell({ type: 'round_trip', at_ns: request.at, connection: this.number, kind,
      duration_ns: at - request.at, request: request.number, answer });
  }

  // The end

  closeFrame(direction, payload, at) {
    const code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
    const reason = payload.toString('utf8', 2);
    const local = direction === 'out';
    if (local) this.closeSent ??= { code, reason };
    else this.closeReceived ??= { code, reason };
    if (this.closeBegan === null) {
      this.closeBegan = at;
      this.initiator = local ? 'local' : 'remote';
      this.state = 'closing';
      if (local && VIOLATED.includes(code) && this.localError) this.violated();
      if (!local) this.fault('close', { code, reason, ...this.circumstances(at) }, false);
    } else if (this.initiator !== (local ? 'local' : 'remote')) {
      this.phase('close', this.closeBegan, at);
      if (!local && this.closeSent) {
        this.fault('close_answer',
          { code, reason, sent: this.closeSent.code, ...this.circumstances(at) }, false);
      }
    }
  }

  violated() {
    this.fault('violation', { ...errorFacts(this.localError), code: this.closeSent?.code ?? null,
      inflated: !this.inflaters.in?.broken,
      place: this.place });
  }

  libraryListens() {
    this.findLibrary();
    return this.library === null || this.library.listenerCount('message') > 0;
  }

  waits() {
    return (this.made !== null || this.library !== null) && this.listens();
  }

  findLibrary() {
    if (this.library !== null) return;
    this.library = libraryOf(this.record.socket);
    this.library?.on(errorMonitor, (error) => this.complained(error));
  }

  /** The library's own object told of an error. */
  complained(error) {
    this.localError ??= error;
    const told = /^(WS_ERR|Z)_/.test(String(error.code)) || VIOLATED.includes(this.closeSent?.code);
    // Node's own tells of an error only when it gives a connection up; unless it is gone by itself.
    const own = this.made !== null && !this.remoteEnded && this.record.error === null;
    if (this.opened !== null && (told || own) && !this.failed) this.violated();
  }

  /** Its time is over, and it waits for something. */
  overdue() {
    if (this.state === 'closed' || this.failed) return;
    if (this.opened === null) {
      this.neverOpened();
    } else if (this.closeSent && !this.closeReceived) {
      this.fault('close_timeout', { place: this.place, waited: (now() - this.closeBegan) / 1e9,
        unsent: this.record.socket.writableLength });
    }
  }

  circumstances(at) {
    return {
      place: this.place,
      lifetime: (at - this.opened) / 1e9,
      sent_ago: (at - Math.max(this.sentAt, this.opened)) / 1e9,
      received_ago: (at - Math.max(this.receivedAt, this.opened)) / 1e9,
      silent_before: this.silentBefore / 1e9,
      subprotocol: header(this.answer.headers, 'sec-websocket-protocol') ?? null,
      sent_code: this.closeSent?.code ?? null,
    };
  }

  get place() {
    const { socket, host, port, tries } = this.record ?? {};
    const last = tries?.at(-1);
    return placeOf(socket?.remoteAddress ?? last?.address ?? host, socket?.remotePort ?? last?.port ?? port);
  }

  /** The socket broke. */
  broken(error) {
    const { record } = this;
    known.set(error, this);
    if (this.opened !== null) {
      // npm's ws throws away what it does not like with an error of its own.
      if (error.code === undefined && this.library === null) {
        this.localError ??= error;
        this.reject();
      }
      return; // Else ended() tells, with what is known by then.
    }
    const facts = { host: record.host, port: record.port, place: this.place, ...errorFacts(error) };
    if (record.lookupError) {
      this.fault('dns', { ...facts, elapsed_ns: now() - record.began });
    } else if (record.connected === null) {
      const tries = record.tries.length ? record.tries : [{ address: record.path ?? record.host,
        port: record.port, started_ns: record.began }];
      this.fault('tcp', { ...facts, tries, elapsed_ns: now() - (record.lookedUp ?? record.began) });
    } else if (isTls(record) && record.secured === null) {
      this.fault('tls', { ...facts, name: record.socket.servername || record.host,
        elapsed_ns: now() - record.connected });
    } else if (this.answer === null) {
      this.unanswered(facts);
    }
  }

  unanswered(facts) {
    this.fault('unanswered', { ...facts, data: this.answerHead.data.toString('base64', 0, 70000),
      said: this.localError?.code ?? null,
      ended: this.remoteEnded || facts.errno ? 'remote' : 'local',
      elapsed_ns: now() - (this.requested ?? this.began) });
  }

  /** The socket is gone. */
  ended() {
    if (this.state === 'closed') return;
    this.gone = true;
    // Node's own tells of errors after that, and of its own end last.
    if (this.made !== null && this.made.readyState !== CLOSED) return;
    this.concluded(now());
  }

  /** All is told that there is to tell. */
  concluded(at) {
    const { record } = this;
    if (this.opened === null) {
      if (!this.failed) this.neverOpened();
    } else if (this.closeReceived === null && (this.remoteEnded || record.error)) {
      if (this.closeBegan === null) this.initiator = 'remote';
      if (!this.failed) {
        this.fault('loss', {
          ...(record.error ? errorFacts(record.error) : {}),
          ...this.circumstances(at),
          partial: this.incoming.partial,
          missing: this.incoming.missing,
          closing: this.closeBegan !== null,
        }, this.closeBegan === null);
      }
    } else if (this.closeBegan === null) {
      this.initiator = 'local';
      // A library that lets go of it at once did not like the answer.
      if (this.frames === 0 && this.refusedByLibrary()) this.reject();
    }
    this.tellClosed(at);
  }

  refusedByLibrary() {
    return this.localError !== null && this.library === null;
  }

  neverOpened() {
    const { record } = this;
    if (this.answer !== null && this.answer.status !== 101) {
      this.refused();
    } else if (record?.connected !== null && (!isTls(record) || record.secured !== null)) {
      this.unanswered({ host: record.host, port: record.port, place: this.place });
    } else {
      this.gaveUp();
    }
  }

  /** The script, or its library, let go of it before it was open. */
  gaveUp() {
    const { record } = this;
    const since = record?.connected ?? record?.lookedUp ?? record?.began ?? this.began;
    this.fault('given_up', {
      host: record?.host ?? new URL(this.url).hostname,
      port: record?.port ?? 0,
      place: this.place,
      phase: phaseOf(record),
      tries: record?.tries ?? [],
      elapsed_ns: now() - since,
    });
  }

  /** The process ends, or its time is over, and the connection is still there. */
  abandoned(code, timedOut) {
    if (this.state === 'closed') return;
    const at = now();
    if (this.gone) {
      this.concluded(at);
      return;
    }
    if (this.opened === null) {
      if (!this.failed) this.fault('exited', { place: this.place, code, elapsed_ns: at - this.began });
    } else if (!timedOut && this.closeBegan === null) {
      this.fault('unclosed', { place: this.place }, false);
    }
    if (this.initiator === '' && this.opened !== null) this.initiator = 'local';
    this.tellClosed(at);
  }

  tellClosed(at) {
    // A listener that was never called has verified nothing, whatever is in it.
    if (this.opened !== null && !this.failed && this.counts.messages_in === 0 && this.waits()) {
      this.fault('none_received', { place: this.place, elapsed: (at - this.opened) / 1e9 });
    }
    this.state = 'closed';
    this.closedAt = at;
    this.inflaters.in?.close();
    this.inflaters.out?.close();
    tell({
      type: 'connection_closed',
      at_ns: at,
      connection: this.number,
      code: this.opened === null ? null : (this.closeReceived?.code ?? 1006),
      reason: this.closeReceived?.reason ?? '',
      sent_code: this.closeSent?.code ?? null,
      initiator: this.initiator,
      clean: this.closeSent !== null && this.closeReceived !== null,
      ...this.counts,
    });
  }

  /** Tell facts of a failure, once unless it is but one of several things to say. */
  fault(kind, facts, fails = true) {
    if (fails) {
      if (this.failed) return;
      this.failed = true;
    }
    tell({ type: 'fault', at_ns: now(), kind, connection: this.number, facts });
  }
}

/** Errors of sockets that were told of, with their connections. */
const known = new WeakMap();

/** In which phase a socket is that is not connected, or has no TLS session yet. */
function phaseOf(record) {
  if (record?.connected !== null && record !== null) return 'tls';
  return record === null || (record.lookedUp === null && !net.isIP(record.host)) ? 'dns' : 'tcp';
}

function isTls(record) {
  return record.socket.encrypted === true;
}

function bytes(chunk, encoding) {
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk;
}

function offersExtension(headers, extension) {
  const name = extension.split(';')[0].trim();
  return extensionsOf(headers).some((one) => one.split(';')[0].trim() === name);
}

function extensionsOf(headers) {
  const value = header(headers, 'sec-websocket-extensions');
  return value ? value.split(',').map((one) => one.trim()) : [];
}

/** The WebSocket of npm's ws that has a socket; null if it is another library's. */
function libraryOf(socket) {
  for (const symbol of Object.getOwnPropertySymbols(socket)) {
    if (symbol.description !== 'websocket') continue;
    const found = socket[symbol];
    if (found && typeof found.listenerCount === 'function') return found;
  }
  return null;
}

module.exports = { Connection, connections, messagesHeard, known };
