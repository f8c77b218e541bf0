'use strict';

// What the script prints, as log lines with the level of the console's method.

const { now } = require('./clock.cjs');
const { tell } = require('./stream.cjs');

const LEVELS = { debug: 'debug', warn: 'warning', error: 'error', trace: 'warning', assert: 'error' };
const LINES = 400; // beyond these, and these bytes, it goes to the descriptor, where it is counted
const BYTES = 64 * 1024;

let level = 'info';
const endings = [];

function install() {
  for (const [name, of] of Object.entries(LEVELS)) {
    const original = console[name];
    console[name] = function (...args) {
      level = of;
      try {
        return Reflect.apply(original, this, args);
      } finally {
        level = 'info';
      }
    };
  }
  observe(process.stdout, 'stdout');
  observe(process.stderr, 'stderr');
}

function observe(stream, source) {
  const { write } = stream;
  let lines = LINES;
  let room = BYTES;
  let rest = '';
  stream.write = function (chunk, encoding, done) {
    if (lines <= 0 || room <= 0) return Reflect.apply(write, stream, [chunk, encoding, done]);
    let text;
    try {
      text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
    } catch {
      return Reflect.apply(write, stream, [chunk, encoding, done]); // which throws
    }
    room -= text.length;
    const whole = (rest + text).split('\n');
    rest = whole.pop();
    while (whole.length && lines > 0) {
      lines -= 1;
      log(source, whole.shift());
    }
    if (whole.length || room <= 0) {
      const left = [...whole, rest].join('\n');
      rest = '';
      if (left) Reflect.apply(write, stream, [left]);
    }
    const finished = typeof encoding === 'function' ? encoding : done;
    if (typeof finished === 'function') process.nextTick(finished);
    return true;
  };
  endings.push(() => {
    if (rest) log(source, rest);
    rest = '';
  });
}

function log(source, line) {
  tell({ type: 'logged', at_ns: now(), message: line.replace(/\r$/, '').slice(0, 16000), level, source });
}

/** Let nobody put another function in the place of ours, which goes on to the descriptor itself. */
function keep() {
  for (const stream of [process.stdout, process.stderr]) {
    const ours = stream.write;
    Object.defineProperty(stream, 'write', { configurable: true, get: () => ours, set() {} });
  }
}

/** Tell lines that have no end. */
function end() {
  for (const ending of endings) ending();
}

module.exports = { install, keep, end };
