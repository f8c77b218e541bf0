'use strict';

// HTTP: requests of node:http and node:https, those of fetch(), and among them the upgrades.

const { channel } = require('node:diagnostics_channel');
const { Connection, known } = require('./connection.cjs');
const { errorFacts } = require('./error_facts.cjs');
const { recordOf } = require('./sockets.cjs');
const { now } = require('./clock.cjs');
const { tell } = require('./stream.cjs');
const { limits } = require('./limits.cjs');
const { placeOf } = require('./phases.cjs');

let answered = 0;
const underWay = new Set();

/** How many responses came. */
function responses() {
  return answered;
}

/** How many requests are waited for. */
function pendingRequests() {
  return underWay.size;
}

function install() {
  channel('http.client.request.start').subscribe(({ request }) => watch(request));
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

/** See what becomes of a ClientRequest, without a listener that its author would not reckon with. */
function watch(request) {
  const secure = request.protocol === 'https:';
  const host = request.getHeader('host') ?? request.host;
  const upgrade = String(request.getHeader('upgrade') ?? '').toLowerCase() === 'websocket';
  const url = `${upgrade ? 'ws' : 'http'}${secure ? 's' : ''}://${host}${request.path}`;
  const connection = upgrade ? new Connection(url, recordOf(request.socket)?.began) : null;
  const exchange = upgrade ? null : new Exchange(request.method, url);
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
        if (exchange) follow(exchange, args[0]);
        break;
      case 'error':
        exchange?.end(args[0]);
        if (connection) {
          known.set(args[0], connection);
          connection.localError ??= args[0];
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
  constructor(method, url) {
    this.method = method;
    this.url = url;
    this.began = now();
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
    const body = Buffer.concat(this.body);
    tell({
      type: 'exchange',
      at_ns: this.began,
      method: this.method,
      url: this.url,
      duration_ns: at - this.began,
      status: this.response?.status ?? null,
      reason: this.response?.reason ?? '',
      phases: this.phasesUntil(at),
      request_headers: this.requestHeaders,
      response_headers: this.response?.headers ?? [],
      response_body: body.length ? body.toString('utf8').slice(0, limits.body) : null,
      response_size: this.size,
      remote_address: this.remote,
      error: error ? errorFacts(error) : null,
    });
    if (error) known.set(error, this);
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

module.exports = { install, responses, pendingRequests };
