'use strict';

// The end: of the script's time, or of the process.

const { now } = require('./clock.cjs');
const { tell, flush } = require('./stream.cjs');
const { connections, messagesHeard } = require('./connection.cjs');
const { responses, pendingRequests } = require('./requests.cjs');
const { uncaught } = require('./errors.cjs');
const assertions = require('./assertions.cjs');
const output = require('./output.cjs');
const { handles } = require('./handles.cjs');

let over = false;
let script = '';

function install(job) {
  ({ script } = job);
  const { emit, reallyExit } = process;
  // After all handlers of the script: one of them may have set the exit code.
  process.emit = function (event, ...args) {
    const result = Reflect.apply(emit, this, [event, ...args]);
    if (event === 'exit') finish(process.exitCode ?? args[0] ?? 0);
    return result;
  };
  process.reallyExit = function (code) {
    finish(code ?? 0);
    return Reflect.apply(reallyExit, process, [code]);
  };
  const expired = () => {
    timeOut(job);
    finish(0, true);
    Reflect.apply(reallyExit, process, [1]);
  };
  setTimeout(expired, Math.max(0, job.timeout_ms - now() / 1e6)).unref();
}

function timeOut(job) {
  for (const connection of connections()) connection.overdue();
  const half = (job.timeout_ms * 1e6) / 2;
  const busy = pendingRequests() > 0 ||
    connections().some((one) => !one.closed || one.closedAt > half);
  tell({ type: 'fault', at_ns: now(), kind: 'timeout', facts: { handles: handles(), busy } });
}

function finish(code, timedOut = false) {
  if (over) return;
  over = true;
  assertions.tellWaiting();
  output.end();
  for (const connection of connections()) connection.abandoned(code, timedOut);
  if (code === 0 && !timedOut && assertions.neverRan(script)) {
    tell({ type: 'fault', at_ns: now(), kind: 'never_ran', facts: {} });
  }
  tell({
    type: 'ended',
    at_ns: now(),
    code,
    timed_out: timedOut,
    uncaught: uncaught() !== null,
    verifications: messagesHeard() + responses() + assertions.verifications(),
  });
  flush();
}

module.exports = { install };
