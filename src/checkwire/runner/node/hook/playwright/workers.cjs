'use strict';

// The processes that Playwright forks to run tests. Each loads our hook first, and tells what it
// sees on a pipe; here all of it comes into the one stream of the attempt.

const childProcess = require('node:child_process');
const path = require('node:path');
const clock = require('../clock.cjs');
const { tell, tellLine } = require('../stream.cjs');
const steps = require('./steps.cjs');

const HOOK = path.join(__dirname, 'worker.cjs');
const THEIRS = `${path.sep}playwright${path.sep}lib${path.sep}`;
const CONNECTION = /"connection":(\d+)/;

const counts = { connection: 0, request: 0, number: 0 };
const stepOf = new Map(); // of connections
const asserted = new Set();
const ends = [];
const open = new Set();
let onTimeout = () => {};

/** From now on, see what is forked. shared: what each of them is told. */
function install(shared) {
  const { fork } = childProcess;
  childProcess.fork = function (file, ...rest) {
    if (!String(file).includes(THEIRS)) return Reflect.apply(fork, this, [file, ...rest]);
    const args = Array.isArray(rest[0]) ? rest.shift() : [];
    const given = rest[0] ?? {};
    const stdio = Array.isArray(given.stdio) ? [...given.stdio] : [0, 1, 2, 'ipc'];
    const fd = stdio.push('pipe') - 1;
    const told = JSON.stringify({ ...shared, fd, zero: clock.zero() });
    const child = Reflect.apply(fork, this, [file, args, {
      ...given,
      stdio,
      env: { ...(given.env ?? process.env), CHECKWIRE_WORKER: told },
      execArgv: [...(given.execArgv ?? process.execArgv), '--require', HOOK],
    }]);
    const source = steps.source();
    child.on('message', () => steps.heard(source));
    if (child.stdio?.[fd]) read(child.stdio[fd], source);
    return child;
  };
}

/** Read what one tells, each record when all is read that Playwright told before it. */
function read(pipe, source) {
  const known = { connection: new Map(), request: new Map(), number: new Map() };
  const waiting = [];
  let rest = '';
  let scheduled = false;
  const take = (all) => {
    scheduled = false;
    let done = 0;
    while (done < waiting.length && taken(waiting[done], known, source, all)) done += 1;
    waiting.splice(0, done);
    schedule();
  };
  const schedule = () => {
    if (scheduled || waiting.length === 0) return;
    scheduled = true;
    setImmediate(take, false);
  };
  open.add(pipe);
  pipe.setEncoding('utf8');
  pipe.on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    waiting.push(...lines);
    schedule();
  });
  const closed = () => {
    take(true);
    open.delete(pipe);
  };
  pipe.on('close', closed);
  pipe.on('error', closed);
}

/** Tell a record in our own words; false if it has to wait. */
function taken(line, known, source, anyway) {
  if (line.startsWith('{"type":"frame_seen"')) {
    const number = Number(CONNECTION.exec(line)[1]);
    const ours = numbered(known, 'connection', number);
    tellLine(ours === number ? line : line.replace(CONNECTION, `"connection":${ours}`));
    return true;
  }
  let record;
  try {
    record = JSON.parse(line);
  } catch {
    return true; // It was killed in the middle of a line.
  }
  const { sent } = record;
  if (sent > source.heard && !anyway) return false;
  delete record.sent;
  for (const kind of ['connection', 'request', 'number']) {
    if (typeof record[kind] === 'number') record[kind] = numbered(known, kind, record[kind]);
  }
  switch (record.type) {
    case 'worker_ended':
      ends.push(record);
      return true;
    case 'connection_started':
      record.step = steps.at(source, sent);
      stepOf.set(record.connection, record.step);
      break;
    case 'fault':
      record.step = stepOf.get(record.connection) ?? steps.at(source, sent);
      break;
    case 'assertion':
      asserted.add(record.number);
      record.step = steps.at(source, sent);
      break;
    case 'exchange':
    case 'logged':
      record.step = steps.at(source, sent);
      break;
  }
  tell(record);
  if (record.type === 'fault' && record.kind === 'timeout') onTimeout();
  return true;
}

/** Each process counts from 1; what its numbers are among those of all. */
function numbered(known, kind, number) {
  if (!known[kind].has(number)) known[kind].set(number, (counts[kind] += 1));
  return known[kind].get(number);
}

/** Call this when a test's process has told that the time of the attempt is over. */
function whenOverdue(call) {
  onTimeout = call;
}

/** Wait until all that they told is read. */
async function drained() {
  const until = clock.now() + 1e9;
  while (open.size > 0 && clock.now() < until) await new Promise((next) => setTimeout(next, 1));
}

/** What they said at their ends. */
function ended() {
  return ends;
}

/** The numbers of the assertions of node:assert that failed since this was called last. */
function assertionsSince() {
  const numbers = [...asserted];
  asserted.clear();
  return numbers;
}

module.exports = { assertionsSince, drained, ended, install, whenOverdue };
