'use strict';

// What keeps the event loop from being done.

const { placeOf } = require('./phases.cjs');

/** A line for each kind, the sockets with their addresses. others: how many are not the script's. */
function handles(others = {}) {
  const lines = [];
  const counts = new Map();
  const sockets = process._getActiveHandles?.() ?? [];
  for (const handle of sockets) {
    const name = handle?.constructor?.name;
    if ((name === 'Socket' || name === 'TLSSocket') && handle.remoteAddress) {
      const peer = placeOf(handle.remoteAddress, handle.remotePort);
      lines.push(`${name === 'TLSSocket' ? 'a TLS socket' : 'a socket'} to ${peer}`);
    } else if (name === 'Server' && handle.address?.()) {
      const address = handle.address();
      lines.push(`a server on ${placeOf(address.address, address.port)}`);
    } else if (name === 'ChildProcess') {
      lines.push(`the process ${handle.pid} (${handle.spawnfile})`);
    }
  }
  for (const kind of process.getActiveResourcesInfo()) {
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  const named = { Timeout: 'timer', Immediate: 'immediate', GetAddrInfoReqWrap: 'look-up',
    TCPConnectWrap: 'connection that is being made', FSReqCallback: 'file operation',
    FSReqPromise: 'file operation', Worker: 'worker' };
  for (const [kind, all] of counts) {
    const name = named[kind];
    const count = all - (others[kind] ?? 0);
    if (name && count > 0) lines.push(count === 1 ? `1 ${name}` : `${count} ${name}s`);
  }
  return lines.slice(0, 20);
}

module.exports = { handles };
