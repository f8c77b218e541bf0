'use strict';

// What Node is started with. It loads all that observes, waits for the job, and then runs the
// script, as if that were what Node had been started with.
//
// Arguments: the descriptor to read the job from, and the one to write events to.

const fs = require('node:fs');
const Module = require('node:module');

const clock = require('./clock.cjs');
const stream = require('./stream.cjs');
const sockets = require('./sockets.cjs');
const requests = require('./requests.cjs');
const builtin = require('./builtin.cjs');
const output = require('./output.cjs');
const errors = require('./errors.cjs');
const assertions = require('./assertions.cjs');
const ending = require('./ending.cjs');
const modules = require('./modules.cjs');
const limits = require('./limits.cjs');
const { readJob, setEnvironment } = require('./job.cjs');

const [jobFd, eventsFd] = process.argv.slice(2).map(Number);

sockets.install();
requests.install();
builtin.install();
errors.install();
output.install();
assertions.install();
// Whatever a job may need is loaded by now. An empty line is no event; it says so to the runner.
fs.writeSync(eventsFd, '\n');
const job = readJob(jobFd);
if (job === null) process.exit(0); // The runner went away without having said what to do.

setEnvironment(job.env);
process.chdir(job.root);
process.argv = [process.execPath, job.script];
stream.open(eventsFd);
limits.set(job.limits);
sockets.redirect(job.resolve);
const started = clock.start();
stream.tellLine(
  `{"type":"attempt_started","at_ns":0,"check":${JSON.stringify(job.check)},` +
    `"started_ns":${started},"engine":"node","pid":${process.pid}}`,
);
modules.install(job.packages, job.script);
ending.install(job);
Module.runMain(job.script);
