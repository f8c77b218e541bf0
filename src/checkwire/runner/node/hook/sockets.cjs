'use strict';

// What happens below: names looked up, addresses tried, TLS agreed on. Of every socket of the
// process, whoever opens it; and where --resolve says so, it is sent elsewhere.

const net = require('node:net');
const { errorMonitor } = require('node:events');
const { AsyncLocalStorage } = require('node:async_hooks');
const { now } = require('./clock.cjs');

const records = new WeakMap();
const failures = new WeakMap();
const routes = new Map();
const aliases = new Map();

/** The connection (of a built-in WebSocket) for which sockets are opened now. */
let current = null;

function owner() {
  current ??= new AsyncLocalStorage();
  return current;
}

/** What one socket went through; times are on the attempt's timeline. */
class SocketRecord {
  constructor(socket, options) {
    this.socket = socket;
    this.host = options.host ?? 'localhost';
    this.port = Number(options.port ?? 0);
    this.path = options.path ?? null;
    this.began = now();
    this.lookedUp = null;
    this.lookupError = null;
    this.addresses = [];
    this.tries = [];
    this.connected = null;
    this.handshook = null;
    this.secured = null;
    this.error = null;
    this.failed = null;
    this.onChange = null;
  }

  watch() {
    const { socket } = this;
    const changed = (what, ...facts) => this.onChange?.(what, ...facts);
    socket.on('lookup', (error, address) => {
      this.lookedUp = now();
      if (error) this.lookupError = error;
      else if (address !== undefined) this.addresses.push(address);
    });
    socket.on('connectionAttempt', (address, port) => {
      this.tries.push({ address, port, started_ns: now() });
    });
    const attempted = (address, port, error) => {
      const open = this.tries.findLast((one) => one.address === address && one.port === port);
      if (open) Object.assign(open, { duration_ns: now() - open.started_ns, error });
    };
    socket.on('connectionAttemptFailed', (address, port, family, error) => {
      attempted(address, port, error?.code ?? 'failed');
    });
    socket.on('connectionAttemptTimeout', (address, port) => attempted(address, port, 'ETIMEDOUT'));
    socket.prependOnceListener('connect', () => {
      this.connected = now();
      changed('connect');
    });
    // Before tls.connect() looks at what was verified, and throws the session away.
    socket.prependOnceListener('secure', () => {
      this.handshook = now();
      changed('secure');
    });
    socket.prependOnceListener('secureConnect', () => {
      this.secured = now();
      changed('secureConnect');
    });
    socket.on(errorMonitor, (error) => {
      this.error ??= error;
      this.failed ??= now();
      failures.set(error, this);
      changed('error', error);
    });
    socket.prependOnceListener('close', () => changed('close'));
  }
}

function install() {
  const connect = net.Socket.prototype.connect;
  net.Socket.prototype.connect = function (...args) {
    const connection = current?.getStore();
    let record = null;
    try {
      record = begin(this, args);
    } catch {
      // Then it is not seen; what the script does goes on.
    }
    if (record && connection) connection.bind(record);
    return Reflect.apply(connect, this, args);
  };
}

function begin(socket, args) {
  let options = optionsOf(args);
  if (options === null) return null;
  const name = aliases.get(options.host);
  if (name !== undefined) options = renamed(args, options, name);
  const record = new SocketRecord(socket, options);
  records.set(socket, record);
  record.watch();
  const route = routes.get(`${String(record.host).toLowerCase()}:${record.port}`);
  if (route !== undefined) divert(args, options, route);
  return record;
}

/** What is connected to, in whatever form Socket.connect() was called. */
function optionsOf(args) {
  const first = Array.isArray(args[0]) ? args[0][0] : args[0];
  if (first !== null && typeof first === 'object') return first;
  if (typeof first === 'string' && Number.isNaN(Number(first))) return { path: first };
  if (first === undefined) return null;
  return { port: first, host: typeof args[1] === 'string' ? args[1] : undefined };
}

function divert(args, options, [address, port]) {
  const family = net.isIPv6(address) ? 6 : 4;
  const lookup = (host, wanted, answer) => {
    if (wanted?.all) answer(null, [{ address, family }]);
    else answer(null, address, family);
  };
  const host = net.isIP(options.host ?? '') ? address : options.host;
  const diverted = { ...options, host, port, lookup };
  if (Array.isArray(args[0])) args[0][0] = diverted;
  else if (typeof args[0] === 'object') args[0] = diverted;
  else args.splice(0, typeof args[1] === 'string' ? 2 : 1, diverted);
}

/** From now on, connect to (host, port) at another (address, port). */
function redirect(given) {
  for (const [host, port, address, to] of given) {
    routes.set(`${host.toLowerCase()}:${port}`, [address, to]);
  }
}

/** An address that stands for a host, because it was looked up before there was a socket. */
function alias(address, host) {
  aliases.set(address, host);
}

/** Connect to the host that the address stands for. */
function renamed(args, options, host) {
  const made = { ...options, host };
  if (Array.isArray(args[0])) args[0][0] = made;
  else if (typeof args[0] === 'object') args[0] = made;
  else args[1] = host;
  return made;
}

/** What is known of a socket; undefined if nothing is. */
function recordOf(socket) {
  return records.get(socket) ?? records.get(socket?._parent);
}

/** What is known of the socket that broke with this error. */
function recordOfError(error) {
  return failures.get(error) ?? failures.get(error?.cause);
}

module.exports = { alias, install, redirect, recordOf, recordOfError, owner };
