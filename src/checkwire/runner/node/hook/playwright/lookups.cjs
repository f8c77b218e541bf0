'use strict';

// Playwright looks hosts up itself, in older versions before it opens a socket. There a host that is
// to be reached elsewhere (--resolve) gets an address that leads back to its name.

const { promises } = require('node:dns');
const sockets = require('../sockets.cjs');

/** routes: as redirect() of sockets.cjs takes them. */
function install(routes) {
  sockets.redirect(routes);
  const hosts = [...new Set(routes.map(([host]) => host.toLowerCase()))];
  if (hosts.length === 0) return;
  // Of the block that RFC 1112 has reserved, and that nobody can have.
  const addresses = new Map(hosts.map((host, i) => [host, `240.0.${i >> 8}.${i & 255}`]));
  for (const [host, address] of addresses) sockets.alias(address, host);
  const { lookup } = promises;
  promises.lookup = async (host, options, ...rest) => {
    const address = addresses.get(String(host).toLowerCase());
    if (address === undefined) return Reflect.apply(lookup, promises, [host, options, ...rest]);
    const found = { address, family: 4 };
    return options?.all ? [found] : found;
  };
}

module.exports = { install };
