'use strict';

// The run-event stream: one line of JSON a record, on a descriptor of its own. What a script does to
// console, fs, process or the standard descriptors does not matter to it.

const { writeSync } = require('node:fs');
const { now } = require('./clock.cjs');

const later = setImmediate;
const stringify = JSON.stringify;

const AT_ONCE = 400; // records that are written as they come, so that nothing can lose them
const EVERY_NS = 5e6; // later ones wait this long at most, while the event loop turns
const FULL = 64 * 1024;

let descriptor = -1;
let pending = '';
let told = 0;
let flushed = 0;
let scheduled = false;
let mark = null;

/** Write to this descriptor from now on. */
function open(fd) {
  descriptor = fd;
}

/** Let each record say, as `sent`, what this returns. */
function markWith(call) {
  mark = call;
}

/** What a record would say now that is told later; undefined if they say nothing. */
function marked() {
  return mark?.();
}

/** Tell a record. Its members are as docs/run-events.md and runner/node/records.py have them. */
function tell(record) {
  if (mark !== null) record.sent ??= mark();
  tellLine(stringify(record));
}

/** Tell a record that is JSON already. */
function tellLine(line) {
  pending += line;
  pending += '\n';
  told += 1;
  if (told <= AT_ONCE || pending.length > FULL || now() - flushed > EVERY_NS) {
    flush();
  } else if (!scheduled) {
    scheduled = true;
    later(flush);
  }
}

function flush() {
  scheduled = false;
  flushed = now();
  if (pending === '') return;
  let data = Buffer.from(pending);
  pending = '';
  try {
    while (data.length) data = data.subarray(writeSync(descriptor, data));
  } catch {
    // The script has closed it, or the runner is gone: nobody listens any more.
  }
}

module.exports = { open, markWith, marked, tell, tellLine, flush };
