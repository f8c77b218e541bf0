'use strict';

// The object that the script has of a connection: npm's ws, which holds the socket, or Node's own
// WebSocket. The bytes tell what happens; it tells who listens, and what it made of the bytes.

const { errorMonitor, getEventListeners } = require('node:events');

const CLOSED = 3; // as readyState

class Library {
  constructor(connection) {
    this.connection = connection;
    this.socket = null;
    this.own = null; // Node's own WebSocket, if it is that.
    this.ws = null;
    this.error = null;
  }

  /** It is Node's own. */
  adopt(own) {
    this.own = own;
    own.addEventListener('error', (event) => {
      this.complain(event.error ?? new Error(event.message));
    });
    own.addEventListener('close', () => {
      const { connection } = this;
      if (connection.record === null || connection.gone) connection.ended();
    });
  }

  /** npm's ws takes the socket as it takes the answer, which is about to happen. */
  expect(socket) {
    this.socket = socket;
    if (this.own === null) process.nextTick(() => this.found);
  }

  get isOwn() {
    return this.own !== null;
  }

  /** Whether Node's own WebSocket has more to tell. */
  get isOpen() {
    return this.own !== null && this.own.readyState !== CLOSED;
  }

  /** Whether the object is known. */
  get found() {
    if (this.own !== null) return true;
    if (this.ws === null && this.socket !== null) {
      this.ws = webSocketOf(this.socket);
      this.ws?.on(errorMonitor, (error) => this.complain(error));
    }
    return this.ws !== null;
  }

  complain(error) {
    this.error ??= error;
    this.connection.complained(error);
  }

  /** Whether the script has a listener for messages; if that cannot be known, it has. */
  get listens() {
    if (!this.found) return true;
    return this.own !== null
      ? getEventListeners(this.own, 'message').length > 0
      : this.ws.listenerCount('message') > 0;
  }

  /** Whether it certainly has one. */
  get waits() {
    return this.found && this.listens;
  }
}

/** The WebSocket of npm's ws that has a socket; null if it is another library's. */
function webSocketOf(socket) {
  for (const symbol of Object.getOwnPropertySymbols(socket)) {
    const found = symbol.description === 'websocket' ? socket[symbol] : null;
    if (found && typeof found.listenerCount === 'function') return found;
  }
  return null;
}

module.exports = { Library };
