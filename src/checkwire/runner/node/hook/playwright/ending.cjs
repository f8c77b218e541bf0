'use strict';

// The end: of Playwright's run, of the attempt's time, or of a process that did not come so far.

const { now } = require('../clock.cjs');
const { flush, tell } = require('../stream.cjs');
const { factsOf } = require('../errors.cjs');
const steps = require('./steps.cjs');
const verdict = require('./verdict.cjs');
const workers = require('./workers.cjs');

/** How long after the end of the time the process of the tests may still say what it waits for. */
const PATIENCE_MS = 60;

let over = false;
let leave = () => {};

function install(job) {
  const { emit, reallyExit } = process;
  leave = (code) => Reflect.apply(reallyExit, process, [code]);
  process.emit = function (event, ...args) {
    if (event === 'exit') finish({ code: process.exitCode ?? args[0] ?? 0, early: true });
    return Reflect.apply(emit, this, [event, ...args]);
  };
  workers.whenOverdue(() => end({ code: 1, timedOut: true }));
  const expired = () => {
    // The process of the tests, which should have spoken first, spins, or never came to be.
    const begun = steps.any();
    tell({ type: 'fault', at_ns: now(), kind: 'overdue', facts: { begun } });
    end({ code: 1, timedOut: true });
  };
  const left = Math.max(0, job.timeout_ms - now() / 1e6);
  setTimeout(expired, left + PATIENCE_MS).unref();
}

/** The user's configuration cannot be used. */
function misconfigured(error) {
  tell({ type: 'fault', at_ns: now(), kind: 'run_error', facts: factsOf(error, error instanceof Object) });
  end({ code: 1 });
}

/** All is told: end the process. */
function end(how) {
  finish(how);
  leave(how.code);
}

function finish({ code, timedOut = false, early = false, verifications = 0 }) {
  if (over) return;
  over = true;
  if (early && verdict.failures() === 0) tell({ type: 'fault', at_ns: now(), kind: 'early', facts: { code } });
  tell({ type: 'ended', at_ns: now(), code, timed_out: timedOut, verifications });
  flush();
}

module.exports = { end, install, misconfigured };
