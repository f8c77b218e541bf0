'use strict';

// Errors that nobody caught, and those that a handler for all of them took.

const { now } = require('./clock.cjs');
const { tell } = require('./stream.cjs');
const { known } = require('./connection.cjs');
const { Connection } = require('./connection.cjs');

let fatal = null;
const told = new WeakSet();

/** The error that ends the process; null while none does. */
function uncaught() {
  return fatal;
}

function install() {
  const { emit } = process;
  // Scripts replace process.on; Node itself goes by emit, which the monitor's event does too.
  process.emit = function (event, ...args) {
    switch (event) {
      case 'uncaughtExceptionMonitor':
        fatal = { error: args[0] };
        tellError(args[0], args[1]);
        // Node would print it, with its own frames, and end; the failure says it better.
        if (!isHandled()) end();
        break;
      case 'unhandledRejection':
        if (process.listenerCount('unhandledRejection')) tellError(args[0], event);
        break;
    }
    return Reflect.apply(emit, this, [event, ...args]);
  };
}

function isHandled() {
  return process.listenerCount('uncaughtException') > 0 ||
    process.hasUncaughtExceptionCaptureCallback();
}

function end() {
  process.exitCode = 1;
  try {
    process.emit('exit', 1);
  } finally {
    process.reallyExit(process.exitCode);
  }
}

/** Tell of an error, once. */
function tellError(error, origin) {
  const isObject = error !== null && (typeof error === 'object' || typeof error === 'function');
  if (isObject) {
    if (told.has(error)) return;
    told.add(error);
  }
  tell({ type: 'fault', at_ns: now(), kind: 'uncaught', facts: { origin, ...factsOf(error, isObject) } });
}

function factsOf(error, isObject) {
  if (!isObject) return { name: '', message: String(error).slice(0, 4000), stack: '' };
  const cause = known.get(error) ?? known.get(error.cause);
  return {
    name: String(error.name ?? ''),
    message: String(error.message ?? '').slice(0, 8000),
    stack: String(error.stack ?? '').slice(0, 16000),
    code: error.code === undefined ? null : String(error.code),
    assertion: isAssertion(error),
    connection: cause instanceof Connection ? cause.number : null,
    request: cause !== undefined && !(cause instanceof Connection) ? cause.number : null,
  };
}

/** Whether a verification says so: that of node:assert, Chai, Jest, Vitest or Playwright. */
function isAssertion(error) {
  return (
    error.code === 'ERR_ASSERTION' ||
    error.matcherResult !== undefined ||
    /^(Jest)?AssertionError|^ExpectError/.test(String(error.name))
  );
}

module.exports = { install, uncaught, isAssertion, tellError, factsOf };
