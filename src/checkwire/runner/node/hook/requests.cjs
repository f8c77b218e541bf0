'use strict';

// HTTP: requests of node:http and node:https, those of fetch(), and among them the upgrades.

const { channel } = require('node:diagnostics_channel');
const http = require('node:http');
const https = require('node:https');
const { syncBuiltinESMExports } = require('node:module');
const { Connection, known } = require('./connection.cjs');
const { errorFacts } = require('./error_facts.cjs');
const { recordOf, recordOfError } = require('./sockets.cjs');
const { now } = require('./clock.cjs');
const { marked, tell } = require('./stream.cjs');
const { limits } = require('./limits.cjs');
const { textOf } = require('./bodies.cjs');
const { phaseOf, placeOf, triesOf } = require('./phases.cjs');

const MOST = 1000;
const UNRESOLVED = /^(ENOTFOUND|ENODATA|EAI_)/;

const seen = new WeakSet();
let exchanges = 0;
let answered = 0;
const underWay = new Set();
const durations = new Map();

/** How many responses came. */
function responses() {
  return answered;
}

/** How many requests are waited for. */
function pendingRequests() {
  return underWay.size;
}

/** Milliseconds that the last request to this URL took; null if there was none. */
function lastDuration(url) {
  return durations.get(url) ?? null;
}

function install() {
  // Node tells of a request when it is sent. A script may have ended by then.
  for (const module of [http, https]) {
    for (const name of ['request', 'get']) module[name] = watched(module[name]);
  }
  syncBuiltinESMExports();
  channel('http.client.request.start').subscribe(({ request }) => watch(request, now()));
  const exchanges = new WeakMap();
  channel('undici:request:create').subscribe(({ request }) => {
    if (request.upgrade) return;
    const url = new URL(request.path, request.origin).href;
    exchanges.set(request, new Exchange(request.method, url));
  });
  channel('undici:client:sendHeaders').subscribe(({ request, headers, socket }) => {
    exchanges.get(request)?.sent(socket, headers);
  });
  channel('undici:request:headers').subscribe(({ request, response }) => {
    const headers = pairs(response.headers.map((one) => one.toString('latin1')));
    exchanges.get(request)?.head(response.statusCode, response.statusText, headers);
  });
  channel('undici:request:bodyChunkReceived').subscribe(({ request, chunk }) => {
    exchanges.get(request)?.chunk(chunk);
  });
  channel('undici:request:trailers').subscribe(({ request }) => exchanges.get(request)?.end());
  channel('undici:request:error').subscribe(({ request, error }) => {
    exchanges.get(request)?.end(error);
  });
}

function watched(make) {
  return function (...args) {
    const began = now();
    const request = Reflect.apply(make, this, args);
    try {
      watch(request, began);
    } catch {
      // Then it is not seen; what the script does goes on.
    }
    return request;
  };
}

/** See what becomes of a ClientRequest, without a listener that its author would not reckon with. */
function watch(request, began) {
  if (seen.has(request)) return;
  seen.add(request);
  const secure = request.protocol === 'https:';
  const host = request.getHeader('host') ?? request.host;
  const upgrade = String(request.getHeader('upgrade') ?? '').toLowerCase() === 'websocket';
  const url = `${upgrade ? 'ws' : 'http'}${secure ? 's' : ''}://${host}${request.path}`;
  const connection = upgrade ? new Connection(url, began) : null;
  const exchange = upgrade ? null : new Exchange(request.method, url, began);
  const begin = (socket) => {
    const record = recordOf(socket);
    if (record) connection?.bind(record, request._header);
    exchange?.sent(socket, request._header);
  };
  if (request.socket) begin(request.socket);
  const { emit } = request;
  request.emit = function (event, ...args) {
    switch (event) {
      case 'socket':
        begin(args[0]);
        break;
      case 'response':
        if (exchange) {
          exchange.sent(request.socket, request._header);
          follow(exchange, args[0]);
        }
        break;
      case 'error':
        exchange?.end(args[0]);
        if (connection) {
          known.set(args[0], connection);
          connection.library.error ??= args[0];
          if (connection.record === null) connection.ended();
        }
        break;
    }
    return Reflect.apply(emit, this, [event, ...args]);
  };
}

function follow(exchange, response) {
  exchange.head(response.statusCode, response.statusMessage, pairs(response.rawHeaders));
  const { push } = response;
  response.push = function (chunk, encoding) {
    if (chunk === null) exchange.end();
    else exchange.chunk(chunk);
    return push.call(response, chunk, encoding);
  };
  response.once('close', () => exchange.end());
}

class Exchange {
  constructor(method, url, began) {
    this.number = (exchanges += 1);
    this.method = method;
    this.url = url;
    this.began = began ?? now();
    this.after = marked(); // where among what else is told
    this.phases = {};
    this.requestHeaders = [];
    this.response = null;
    this.body = [];
    this.size = 0;
    this.done = false;
    this.remote = '';
    underWay.add(this);
  }

  sent(socket, head) {
    this.record = recordOf(socket);
    const lines = String(head ?? '').split('\r\n').slice(1).filter(Boolean);
    this.requestHeaders = lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    });
    this.socket = socket;
  }

  head(status, reason, headers) {
    answered += 1;
    this.firstByte = now();
    this.response = { status, reason: reason ?? '', headers };
    this.remote = placeOf(this.socket?.remoteAddress, this.socket?.remotePort);
  }

  chunk(data) {
    if (this.size < 4 * limits.body) this.body.push(Buffer.from(data));
    this.size += data.length;
  }

  end(error) {
    if (this.done) return;
    this.done = true;
    underWay.delete(this);
    const at = now();
    const body = textOf(this.body, this.response?.headers ?? [], limits.body);
    if (durations.size < MOST) durations.set(this.url, (at - this.began) / 1e6);
    tell({
      type: 'exchange',
      sent: this.after,
      at_ns: this.began,
      method: this.method,
      url: this.url,
      duration_ns: at - this.began,
      status: this.response?.status ?? null,
      reason: this.response?.reason ?? '',
      phases: this.phasesUntil(at),
      request_headers: this.requestHeaders,
      response_headers: this.response?.headers ?? [],
      response_body: body,
      response_size: this.size,
      remote_address: this.remote,
    });
    if (error) this.failed(error, at);
  }

  failed(error, at) {
    known.set(error, this);
    if (error.cause) known.set(error.cause, this);
    // What the script itself calls off is its own affair.
    if (error.name === 'AbortError' || error.code === 'ABORT_ERR') return;
    const record = recordOfError(error) ?? this.record;
    const { hostname, port, protocol } = new URL(this.url);
    tell({ type: 'fault', at_ns: at, kind: 'request', request: this.number, facts: {
      ...errorFacts(error),
      method: this.method,
      url: this.url,
      host: record?.host ?? hostname,
      port: record?.port ?? Number(port || (protocol === 'https:' ? 443 : 80)),
      place: placeOf(record?.socket.remoteAddress ?? record?.tries.at(-1)?.address ?? hostname,
        record?.socket.remotePort ?? record?.port),
      name: record?.socket.servername || hostname,
      phase: record ? phaseOf(record) : UNRESOLVED.test(error.code) ? 'dns' : 'http',
      tries: record ? triesOf(record) : [],
      received: this.size,
      answered: this.response !== null,
      elapsed_ns: at - this.began,
    } });
  }

  phasesUntil(at) {
    const { record } = this;
    const phases = {};
    let ready = this.began;
    // Those of a connection that was there already took place for another request.
    if (record && record.began >= this.began - 1e6 && record.connected !== null) {
      if (record.lookedUp !== null) phases.dns = record.lookedUp - record.began;
      phases.tcp = record.connected - (record.lookedUp ?? record.began);
      if (record.secured !== null) phases.tls = record.secured - record.connected;
      ready = record.secured ?? record.connected;
    }
    if (this.firstByte !== undefined) {
      phases.wait = Math.max(0, this.firstByte - ready);
      phases.receive = at - this.firstByte;
    }
    return phases;
  }
}

function pairs(flat) {
  const found = [];
  for (let i = 0; i + 1 < flat.length; i += 2) found.push([flat[i], flat[i + 1]]);
  return found;
}

module.exports = { install, lastDuration, responses, pendingRequests };
