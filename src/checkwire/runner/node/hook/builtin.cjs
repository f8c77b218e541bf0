'use strict';

// The WebSocket that Node has of its own. Its library (undici) is out of reach, but its sockets are
// not: those that are opened for it are known by the asynchronous context they are opened in.

const { channel } = require('node:diagnostics_channel');
const { Connection, connections } = require('./connection.cjs');
const { owner, recordOf } = require('./sockets.cjs');

function install() {
  const found = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket');
  if (found === undefined) return; // Node 20 has none.
  const put = (value) => {
    Object.defineProperty(globalThis, 'WebSocket', { value, writable: true, configurable: true,
      enumerable: found.enumerable });
    return value;
  };
  // Node loads it when it is first used, and so it stays.
  Object.defineProperty(globalThis, 'WebSocket', {
    configurable: true,
    enumerable: found.enumerable,
    get: () => put(observed(found.get ? found.get.call(globalThis) : found.value)),
    set: put,
  });
}

function observed(WebSocket) {
  owner();
  // One that is upgraded on a connection which a request has left open opens no socket.
  channel('undici:client:sendHeaders').subscribe(({ request, socket }) => {
    if (request.upgrade !== 'websocket') return;
    const url = new URL(request.path, request.origin).href.replace(/^http/, 'ws');
    const waiting = connections().find((one) => one.record === null && one.url === url);
    const record = recordOf(socket);
    if (waiting && record) waiting.bind(record);
  });
  return new Proxy(WebSocket, {
    construct(target, args, newTarget) {
      const url = addressOf(args[0]);
      if (url === null) return Reflect.construct(target, args, newTarget); // which throws
      const connection = new Connection(url);
      const made = owner().run(connection, () => Reflect.construct(target, args, newTarget));
      connection.library.adopt(made);
      return made;
    },
  });
}

function addressOf(given) {
  try {
    const url = new URL(given);
    return url.href.replace(/^http/, 'ws');
  } catch {
    return null;
  }
}

module.exports = { install };
