'use strict';

// One WebSocket of the script, from dial to close, as its bytes tell it: which library speaks does
// not matter. What went wrong is told as facts; the runner names it.

const { now } = require('./clock.cjs');
const { tell } = require('./stream.cjs');
const { Session } = require('./session.cjs');
const { Upgrade } = require('./upgrade.cjs');
const { Library } = require('./library.cjs');
const { isTls, phaseOf, phasesOf, placeOf, tlsOf, triesOf } = require('./phases.cjs');
const { errorFacts } = require('./error_facts.cjs');

const NORMAL = [1000, 1005];
/** With these a client says that the server broke the rules, RFC 6455 section 7.4.1. */
const VIOLATED = [1002, 1007, 1009];

const all = [];
/** Errors of sockets that were told of, with their connections. */
const known = new WeakMap();
let heard = 0;

/** All connections so far, in the order in which they were begun. */
function connections() {
  return all;
}

/** How many messages were received for which the script had a listener. */
function messagesHeard() {
  return heard;
}

class Connection {
  constructor(url, began) {
    this.number = all.push(this);
    this.url = url;
    this.began = began ?? now();
    this.library = new Library(this);
    this.record = null; // of its socket
    this.upgrade = new Upgrade();
    this.requested = null;
    this.opening = 0; // how long its phases took, until it was open
    this.opened = null;
    this.session = null;
    this.closeSent = null;
    this.closeReceived = null;
    this.closeBegan = null;
    this.initiator = '';
    this.remoteEnded = false;
    this.gone = false;
    this.closed = false;
    this.closedAt = 0;
    this.failed = false;
    tell({ type: 'connection_started', at_ns: this.began, connection: this.number, url });
  }

  /** This is its socket; `head` is the request, if it is known. */
  bind(record, head) {
    if (this.record !== null) return;
    this.record = record;
    if (head) this.upgrade.sent(Buffer.from(head, 'latin1'));
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

  /** What is ours went wrong: the runner is told, and no more of this connection is seen. */
  lost(error) {
    this.received = this.sent = () => {};
    this.fault('unwatched', { message: String(error?.stack) });
  }

  changed(what, error) {
    const { record } = this;
    switch (what) {
      case 'connect':
        for (const phase of phasesOf(record)) this.phase(...phase);
        break;
      case 'secure': {
        const tls = tlsOf(record);
        if (tls) tell({ type: 'tls', at_ns: now(), connection: this.number, ...tls });
        break;
      }
      case 'secureConnect':
        this.phase('tls', record.connected, record.secured);
        // The request was given to TLS before, and has to wait for it.
        if (this.requested !== null) this.requested = record.secured;
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
    const duration_ns = Math.max(0, ended - began);
    if (this.opened === null) this.opening += duration_ns;
    tell({ type: 'phase', at_ns: began, connection: this.number, name, duration_ns, details });
  }

  /** Tell facts of a failure: once, unless it is but one of several things to say. */
  fault(kind, facts, fails = true) {
    if (fails) {
      if (this.failed) return;
      this.failed = true;
    }
    tell({ type: 'fault', at_ns: now(), kind, connection: this.number,
      facts: { place: this.place, ...facts } });
  }

  get place() {
    const { socket, host, port, tries } = this.record ?? {};
    const last = tries?.at(-1);
    return placeOf(
      socket?.remoteAddress ?? last?.address ?? host, socket?.remotePort ?? last?.port ?? port);
  }

  // Bytes

  sent(data) {
    if (this.session !== null) {
      this.session.sent(data, now());
    } else {
      this.requested ??= now();
      this.upgrade.sent(data);
    }
  }

  received(data) {
    const at = now();
    if (this.session !== null) {
      this.session.received(data, at);
      return;
    }
    const known = this.upgrade.answer !== null;
    const rest = this.upgrade.received(data);
    if (!known && this.upgrade.answer !== null) {
      tell({ type: 'handshake', at_ns: at, connection: this.number,
        ...this.upgrade.handshake(this.record.socket) });
    }
    if (rest === true) this.fault('answer', this.upgrade.facts());
    if (!this.upgrade.accepted) return;
    if (this.upgrade.broken) this.rejected();
    this.open(at);
    if (rest.length) this.session.received(rest, at);
  }

  open(at) {
    this.phase('upgrade', this.requested ?? this.began, at);
    this.opened = at;
    // Without what Node does between them: it is no part of the connection.
    this.phase('open', this.began, this.began + this.opening);
    this.session = new Session(this.number, at, this.upgrade.extensions, this);
    this.library.expect(this.record.socket);
  }

  onFirst(at) {
    this.phase('first_message', this.opened, at);
  }

  onMessage() {
    if (this.library.listens) heard += 1;
  }

  onHttp(data, inside = false) {
    this.fault('not_websocket', { data: data.toString('base64', 0, 4096), inside });
  }

  onBroken(rule) {
    this.violated({ error: rule, message: rule });
  }

  onClose(direction, payload, at) {
    const code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
    const reason = payload.toString('utf8', 2);
    const local = direction === 'out';
    if (local) this.closeSent ??= { code, reason };
    else this.closeReceived ??= { code, reason };
    if (this.closeBegan === null) {
      this.closeBegan = at;
      this.initiator = local ? 'local' : 'remote';
      if (local && VIOLATED.includes(code) && this.library.error) this.violated();
      if (!local && !NORMAL.includes(code)) {
        this.fault('close', { code, reason, ...this.circumstances(at) });
      }
    } else if (this.initiator !== (local ? 'local' : 'remote')) {
      this.phase('close', this.closeBegan, at);
      if (!local && this.closeSent) {
        const { code: sent } = this.closeSent;
        this.fault('close_answer', { code, reason, sent, ...this.circumstances(at) }, false);
      }
    }
  }

  // What goes wrong

  /** The library's own object told of an error. */
  complained(error) {
    if (this.session === null) return;
    const { library } = this;
    const violated = /^(WS_ERR|Z)_/.test(String(error.code)) ||
      VIOLATED.includes(this.closeSent?.code);
    // Node's own tells of an error only when it gives a connection up; unless it is gone by itself.
    const own = library.isOwn && !this.remoteEnded && this.record.error === null;
    if (violated || own) this.violated();
  }

  violated(facts = errorFacts(this.library.error)) {
    // What breaks the rules of frames may be no frame at all.
    if (this.brokenInto()) return;
    this.fault('violation',
      { ...facts, code: this.closeSent?.code ?? null, inflated: !this.session.spoiled });
  }

  /** Tell of HTTP in the middle of a frame, if there is any: it is why all else is wrong. */
  brokenInto() {
    const data = this.session.incoming.reader.httpInside;
    if (data !== null) this.onHttp(data, true);
    return data !== null;
  }

  rejected() {
    this.fault('rejected', { ...this.upgrade.facts(), said: this.library.error?.message ?? '' });
  }

  /** The socket broke. */
  broken(error) {
    const { record } = this;
    known.set(error, this);
    if (this.session !== null) {
      // npm's ws throws away what it does not like with an error of its own.
      if (error.code === undefined && !this.library.found) {
        this.library.error ??= error;
        this.rejected();
      }
      return; // Else concluded() tells, with what is known by then.
    }
    const facts = { host: record.host, port: record.port, ...errorFacts(error) };
    const since = record.connected ?? record.lookedUp ?? record.began;
    const elapsed_ns = now() - since;
    if (record.lookupError) {
      this.fault('dns', { ...facts, elapsed_ns });
    } else if (record.connected === null) {
      this.fault('tcp', { ...facts, tries: triesOf(record), elapsed_ns });
    } else if (isTls(record) && record.secured === null) {
      const name = record.socket.servername || record.host;
      this.fault('tls', { ...facts, name, elapsed_ns });
    } else if (this.upgrade.answer === null) {
      this.unanswered(facts);
    }
  }

  unanswered(facts) {
    this.fault('unanswered', {
      ...facts,
      data: this.upgrade.response.data.toString('base64', 0, 70000),
      said: this.library.error?.code ?? null,
      ended: this.remoteEnded || facts.errno ? 'remote' : 'local',
      elapsed_ns: now() - (this.requested ?? this.began),
    });
  }

  neverOpened() {
    const { record } = this;
    if (this.upgrade.answer !== null) {
      this.fault('answer', this.upgrade.facts());
      return;
    }
    const phase = phaseOf(record);
    if (phase === 'http') {
      this.unanswered({ host: record.host, port: record.port });
      return;
    }
    // The script, or its library, let go of it before.
    const since = record?.connected ?? record?.lookedUp ?? record?.began ?? this.began;
    this.fault('given_up', {
      host: record?.host ?? new URL(this.url).hostname,
      phase,
      tries: record?.tries ?? [],
      elapsed_ns: now() - since,
    });
  }

  circumstances(at) {
    const { sentAt, receivedAt, silentBefore } = this.session;
    return {
      lifetime: (at - this.opened) / 1e9,
      sent_ago: (at - sentAt) / 1e9,
      received_ago: (at - receivedAt) / 1e9,
      silent_before: silentBefore / 1e9,
      subprotocol: this.upgrade.subprotocol,
      sent_code: this.closeSent?.code ?? null,
    };
  }

  // The end

  /** The script's time is over, and it waits for something. */
  overdue() {
    if (this.closed || this.failed) return;
    if (this.session === null) {
      this.neverOpened();
    } else if (this.closeSent && !this.closeReceived) {
      this.fault('close_timeout', { waited: (now() - this.closeBegan) / 1e9,
        unsent: this.record.socket.writableLength });
    }
  }

  /** The socket is gone. */
  ended() {
    if (this.closed) return;
    this.gone = true;
    // Node's own tells of errors after that, and of its own end last.
    if (!this.library.isOpen) this.concluded(now());
  }

  /** All is told that there is to tell. */
  concluded(at) {
    const { record } = this;
    if (this.session === null) {
      if (!this.failed) this.neverOpened();
    } else if (this.closeReceived === null && (this.remoteEnded || record.error)) {
      if (this.closeBegan === null) this.initiator = 'remote';
      this.tellLoss(at);
    } else if (this.closeBegan === null) {
      this.initiator = 'local';
      // A library that lets go of it at once did not like the answer.
      if (this.session.frames === 0 && this.library.error && !this.library.found) this.rejected();
    }
    this.tellClosed(at);
  }

  tellLoss(at) {
    if (this.failed) return;
    const { error } = this.record;
    const { partial, missing } = this.session.incoming.reader;
    const closing = this.closeBegan !== null;
    if (partial && this.brokenInto()) return;
    this.fault('loss', { ...(error ? errorFacts(error) : {}), ...this.circumstances(at),
      partial, missing, closing }, !closing);
  }

  /** The process ends, or its time is over, and the connection is still there. */
  abandoned(code, timedOut) {
    if (this.closed) return;
    const at = now();
    if (this.gone) {
      this.concluded(at);
      return;
    }
    if (this.session === null) {
      this.fault('exited', { code, after_ns: at - this.began });
    } else {
      if (!timedOut && this.closeBegan === null) this.fault('unclosed', {}, false);
      if (this.initiator === '') this.initiator = 'local';
    }
    this.tellClosed(at);
  }

  tellClosed(at) {
    const counts = this.session?.counts ?? {};
    // A listener that was never called has verified nothing, whatever is in it.
    if (counts.messages_in === 0 && this.library.waits) {
      this.fault('none_received', { elapsed: (at - this.opened) / 1e9 });
    }
    this.closed = true;
    this.closedAt = at;
    this.session?.end();
    tell({
      type: 'connection_closed',
      at_ns: at,
      connection: this.number,
      code: this.session === null ? null : (this.closeReceived?.code ?? 1006),
      reason: this.closeReceived?.reason ?? '',
      sent_code: this.closeSent?.code ?? null,
      initiator: this.initiator,
      clean: this.closeSent !== null && this.closeReceived !== null,
      ...counts,
    });
  }
}

function bytes(chunk, encoding) {
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk;
}

module.exports = { Connection, connections, messagesHeard, known };
