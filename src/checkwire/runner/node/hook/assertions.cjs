'use strict';

// Verifications that failed, also where the script has swallowed the error: in a handler within a
// try, as the examples on the web have it. One that holds later at the same place makes up for it.

const assert = require('node:assert');
const { fileURLToPath } = require('node:url');
const { readFileSync } = require('node:fs');
const Module = require('node:module');
const { now } = require('./clock.cjs');
const { tell } = require('./stream.cjs');
const { isAssertion, factsOf } = require('./errors.cjs');

const OURS = __dirname;
const PASSING = [
  'equal', 'notEqual', 'deepEqual', 'notDeepEqual', 'strictEqual', 'notStrictEqual',
  'deepStrictEqual', 'notDeepStrictEqual', 'partialDeepStrictEqual', 'throws', 'doesNotThrow',
  'ifError', 'match', 'doesNotMatch',
];

const seen = new WeakSet();
const open = new Map(); // numbers of swallowed failures by the place where they were
let number = 0;
let held = 0;

/** How many verifications held, of those that can be counted. */
function verifications() {
  return held;
}

function install() {
  formatStacks();
  noticeOthers();
  for (const one of [assert, assert.strict]) {
    for (const name of PASSING) {
      if (typeof one[name] === 'function') one[name] = counted(one[name]);
    }
    one.ok = ok(one.ok);
  }
  Module.syncBuiltinESMExports();
}

/** Node reads the stack of each AssertionError as it makes it, and so asks here. */
function formatStacks() {
  Error.prepareStackTrace ??= (error, trace) => {
    const frames = trace.filter((site) => !String(site.getFileName()).startsWith(OURS));
    if (error?.code === 'ERR_ASSERTION') later(error, frames[0]);
    let head = 'Error';
    try {
      head = Error.prototype.toString.call(error);
    } catch {
      // It has a name or a message that cannot be text.
    }
    return frames.length ? `${head}\n    at ${frames.join('\n    at ')}` : head;
  };
}

/** Other libraries' errors are made with Error.captureStackTrace(). */
function noticeOthers() {
  const { captureStackTrace } = Error;
  Error.captureStackTrace = function (target, above) {
    Reflect.apply(captureStackTrace, Error, [target, above]);
    if (target instanceof Error) later(target, undefined);
  };
}

/** Tell of it when it is made: its author has yet to say what it is. */
function later(error, site) {
  if (seen.has(error)) return;
  seen.add(error);
  const at = now();
  process.nextTick(() => {
    if (!isAssertion(error)) return;
    number += 1;
    const place = site === undefined ? placeIn(error.stack) : place_(site);
    open.set(place, [...(open.get(place) ?? []), number]);
    tell({ type: 'assertion', at_ns: at, number, facts: factsOf(error, true) });
  });
}

function counted(original) {
  return Object.assign(function (...args) {
    const result = Reflect.apply(original, this, args);
    holds();
    return result;
  }, original);
}

function ok(original) {
  return function (...args) {
    if (args.length && args[0]) return holds();
    // Without a message Node shows the line that called it, which would be one of ours.
    if (args.length && args[1] === undefined) args[1] = falsy();
    return Reflect.apply(original, this, args);
  };
}

function holds() {
  held += 1;
  if (open.size === 0) return;
  const place = placeIn(new Error().stack);
  for (const one of open.get(place) ?? []) tell({ type: 'held', at_ns: now(), number: one });
  open.delete(place);
}

function falsy() {
  const error = new assert.AssertionError({
    message: 'The expression evaluated to a falsy value',
    operator: '==', expected: true, actual: false,
  });
  const place = placeIn(error.stack);
  seen.add(error);
  try {
    const [, file, line] = /^(.*):(\d+)$/.exec(place);
    error.message += `:\n\n  ${readFileSync(file, 'utf8').split('\n')[line - 1].trim()}\n`;
  } catch {
    // Code that is in no file.
  }
  return error.message;
}

/** file:line of the uppermost frame that is the script's. */
function placeIn(stack) {
  for (const line of String(stack).split('\n')) {
    const match = /(?:\(|at (?:async )?)((?:file:\/\/)?\/[^()]*):(\d+):\d+\)?$/.exec(line);
    if (!match || match[1].includes('/node_modules/')) continue;
    const file = match[1].startsWith('file:') ? fileURLToPath(match[1]) : match[1];
    if (!file.startsWith(OURS)) return `${file}:${match[2]}`;
  }
  return '';
}

function place_(site) {
  const file = String(site.getFileName());
  return `${file.startsWith('file:') ? fileURLToPath(file) : file}:${site.getLineNumber()}`;
}

module.exports = { install, verifications };
