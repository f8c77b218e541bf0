'use strict';

// The first thing that a process of Playwright's loads in which tests run: all that observes.

const clock = require('../clock.cjs');
const stream = require('../stream.cjs');

/** The timer of Playwright's own limit. */
const THEIRS = { Timeout: 1 };

/** So long before the time is over, what there is to say of that is said. */
const EARLY_MS = 100;

const told = process.env.CHECKWIRE_WORKER;
delete process.env.CHECKWIRE_WORKER;

if (told) {
  const job = JSON.parse(told);
  clock.share(job.zero);
  stream.open(job.fd);
  globalThis[Symbol.for('checkwire')] = { settings: job.settings };
  observe(job);
}

function observe(job) {
  const assertions = require('../assertions.cjs');
  const output = require('../output.cjs');
  const sockets = require('../sockets.cjs');
  const { connections, messagesHeard } = require('../connection.cjs');
  const { pendingRequests } = require('../requests.cjs');
  const lookups = require('./lookups.cjs');
  const { handles } = require('../handles.cjs');
  require('../limits.cjs').set(job.limits);
  sockets.install();
  lookups.install(job.resolve);
  require('../requests.cjs').install();
  require('../builtin.cjs').install();
  output.install();
  output.keep();
  assertions.installOwn();
  require('../modules.cjs').install(job.packages, job.script, job.instead);

  // So that each record can be put between the messages that Playwright sends of its steps.
  const { emit, send } = process;
  let sent = 0;
  process.send = function (...args) {
    sent += 1;
    return Reflect.apply(send, process, args);
  };
  stream.markWith(() => sent);

  let over = false;
  process.emit = function (event, ...args) {
    if (event === 'exit' && !over) finish();
    return Reflect.apply(emit, this, [event, ...args]);
  };

  function finish() {
    over = true;
    const open = handles(THEIRS);
    assertions.tellWaiting();
    output.end();
    for (const connection of connections()) connection.abandoned(0, false);
    const verifications = messagesHeard() + assertions.verifications();
    stream.tell({ type: 'worker_ended', at_ns: clock.now(), verifications, handles: open });
    stream.flush();
  }

  setTimeout(() => {
    if (over) return;
    over = true;
    assertions.tellWaiting();
    output.end();
    for (const connection of connections()) connection.overdue();
    const half = (job.timeoutMs * 1e6) / 2;
    const busy = pendingRequests() > 0 ||
      connections().some((one) => !one.closed || one.closedAt > half);
    const facts = { handles: handles(THEIRS), busy };
    stream.tell({ type: 'fault', at_ns: clock.now(), kind: 'timeout', facts });
    stream.flush();
  }, Math.max(0, job.timeoutMs - EARLY_MS - clock.now() / 1e6)).unref();
}
