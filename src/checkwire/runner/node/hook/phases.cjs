'use strict';

// From what a socket went through to phases.

const net = require('node:net');

function placeOf(address, port) {
  if (address === undefined || address === null) return '';
  return net.isIPv6(address) ? `[${address}]:${port}` : port ? `${address}:${port}` : address;
}

/** [name, began, ended, details] of those up to the TCP connection. */
function phasesOf(record) {
  const phases = [];
  let began = record.began;
  if (record.lookedUp !== null && !net.isIP(record.host)) {
    phases.push(['dns', began, record.lookedUp, { addresses: record.addresses }]);
    began = record.lookedUp;
  }
  const last = record.tries.at(-1);
  if (last?.duration_ns === undefined && last) last.duration_ns = record.connected - last.started_ns;
  const tries = record.tries.map((one) => ({
    address: placeOf(one.address, one.port),
    started_ns: one.started_ns,
    duration_ns: one.duration_ns ?? null,
    result: one === last ? 'connected' : (one.error ?? 'no answer'),
  }));
  const start = record.tries.length === 1 ? last.started_ns : began;
  phases.push(['tcp', start, record.connected, tries.length ? { tries } : undefined]);
  return phases;
}

/** The TLS session, with the certificates as the server sent them. */
function tlsOf(record) {
  const { socket } = record;
  if (typeof socket.getPeerCertificate !== 'function') return null;
  const chain = [];
  let certificate = socket.getPeerCertificate(true);
  while (certificate?.raw && chain.length < 16) {
    chain.push(certificate.raw.toString('base64'));
    if (certificate.issuerCertificate === certificate) break;
    certificate = certificate.issuerCertificate;
  }
  const error = socket._handle?.verifyError?.();
  return {
    version: socket.getProtocol() ?? '',
    cipher: socket.getCipher()?.standardName ?? '',
    server_name: socket.servername || '',
    verified: !error && socket._rejectUnauthorized !== false,
    alpn: socket.alpnProtocol || null,
    chain,
  };
}

function isTls(record) {
  return record.socket.encrypted === true;
}

/** The phase that a connection is in, or ended in; http once it can be spoken. */
function phaseOf(record) {
  if (!record || record.lookupError) return 'dns';
  if (record.connected === null) {
    return record.lookedUp === null && !net.isIP(record.host) ? 'dns' : 'tcp';
  }
  return isTls(record) && record.secured === null ? 'tls' : 'http';
}

/** The addresses tried; that which was asked for, if Node does not tell. */
function triesOf(record) {
  if (record.tries.length) return record.tries;
  return [{ address: record.path ?? record.host, port: record.port, started_ns: record.began }];
}

module.exports = { isTls, phaseOf, phasesOf, placeOf, tlsOf, triesOf };
