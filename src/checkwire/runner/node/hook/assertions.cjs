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

const ASSERTION = /^(?!\s*(?:\/\/|\*)).*\bassert(?:\.\w+)*\(/;

const seen = new WeakSet();
const open = new Map(); // failures by the place where they were
const waiting = []; // what to tell of them
let number = 0;
let held = 0;
let alone = false; // Failures are seen as they are thrown, for stacks are formatted by others.
let uncounted = false; // Something verifies that does not say when it holds.

/** How many verifications held, of those that can be counted. */
function verifications() {
  return held;
}

function install() {
  formatStacks();
  noticeOthers();
  replace();
}

/** The same, for node:assert alone, where others format stacks and tell of their own assertions. */
function installOwn() {
  alone = true;
  replace();
}

function replace() {
  const known = new Map();
  for (const one of [assert, assert.strict]) {
    for (const name of PASSING) {
      const original = one[name];
      if (typeof original !== 'function') continue;
      if (!known.has(original)) known.set(original, counted(original));
      one[name] = known.get(original);
    }
    one.ok = ok(one.ok);
  }
  Module.syncBuiltinESMExports();
  const { _load: load } = Module;
  Module._load = function (request, ...rest) {
    return replacement(request) ?? Reflect.apply(load, this, [request, ...rest]);
  };
}

/** assert itself is a function, which cannot be changed: this one goes in its place. */
function replacement(request) {
  const name = request.startsWith('node:') ? request.slice(5) : request;
  if (name !== 'assert' && name !== 'assert/strict') return undefined;
  return name === 'assert' ? callable(assert) : callable(assert.strict);
}

const callables = new Map();

function callable(original) {
  let made = callables.get(original);
  if (made === undefined) {
    made = ok(original);
    callables.set(original, made);
    Object.defineProperties(made, Object.getOwnPropertyDescriptors(original));
    made.strict = original === assert ? callable(assert.strict) : made;
  }
  return made;
}

/** Whether the script has assertions, none of which was reached. Others than Node's do not tell. */
function neverRan(script) {
  if (held || number || uncounted) return false;
  try {
    return readFileSync(script, 'utf8').split('\n').some((line) => ASSERTION.test(line));
  } catch {
    return false;
  }
}

/** Node reads the stack of each AssertionError as it makes it, and so asks here. */
function formatStacks() {
  const { prepareStackTrace: standard } = Error;
  Error.prepareStackTrace = (error, trace) => {
    const frames = trace.filter((site) => !String(site.getFileName()).startsWith(OURS));
    if (error?.code === 'ERR_ASSERTION') later(error, frames[0] && placeOf(frames[0]));
    if (standard) return standard(error, frames);
    let head = 'Error'; // Node 20 has it only inside.
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
function later(error, place) {
  if (seen.has(error)) return;
  seen.add(error);
  const at = now();
  const failure = { number: (number += 1), told: false, held: false };
  if (place !== undefined) {
    open.set(place, [...(open.get(place) ?? []), failure]);
  }
  waiting.push(() => {
    if (!isAssertion(error)) return;
    tell({ type: 'assertion', at_ns: at, number: failure.number, facts: factsOf(error, true) });
    failure.told = true;
    if (failure.held) tell({ type: 'held', at_ns: now(), number: failure.number });
  });
  if (waiting.length === 1) process.nextTick(tellWaiting);
}

/** Tell of those that were made in this turn. */
function tellWaiting() {
  for (const told of waiting.splice(0)) told();
}

function counted(original) {
  return Object.assign(function (...args) {
    const result = attempted(original, this, args);
    holds();
    return result;
  }, original);
}

function attempted(original, self, args) {
  try {
    return Reflect.apply(original, self, args);
  } catch (error) {
    if (alone && error?.code === 'ERR_ASSERTION' && !isOfPackage(error.stack)) {
      later(error, placeIn(error.stack));
    }
    throw error;
  }
}

function ok(original) {
  return function (...args) {
    if (args.length && args[0]) return holds();
    // Without a message Node shows the line that called it, which would be one of ours.
    if (args.length && args[1] === undefined) args[1] = falsy();
    return attempted(original, this, args);
  };
}

function holds() {
  if (alone && isOfPackage(new Error().stack)) return;
  held += 1;
  if (open.size === 0) return;
  const place = placeIn(new Error().stack);
  for (const failure of open.get(place) ?? []) {
    failure.held = true;
    if (failure.told) tell({ type: 'held', at_ns: now(), number: failure.number });
  }
  open.delete(place);
}

function falsy() {
  const message = 'The expression evaluated to a falsy value';
  try {
    const [, file, line] = /^(.*):(\d+)$/.exec(placeIn(new Error().stack));
    return `${message}:\n\n  ${readFileSync(file, 'utf8').split('\n')[line - 1].trim()}\n`;
  } catch {
    return message; // Of code that is in no file.
  }
}

/** Whether what asserts is a package, for itself. */
function isOfPackage(stack) {
  const frames = String(stack).split('\n').filter((line) => /^\s+at /.test(line));
  const first = frames.find((line) => !line.includes(OURS) && !/[( ]node:/.test(line)) ?? '';
  return first.includes('/node_modules/');
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

function placeOf(site) {
  const file = String(site.getFileName());
  return `${file.startsWith('file:') ? fileURLToPath(file) : file}:${site.getLineNumber()}`;
}

module.exports = { install, installOwn, verifications, neverRan, tellWaiting };
