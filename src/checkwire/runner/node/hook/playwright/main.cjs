'use strict';

// What Node is started with to run a file of Playwright's tests: the user's own Playwright, with
// our settings over the user's, our reporter, and a hook in the process that runs the tests.
//
// Arguments: the descriptor to read the job from, and the one to write events to.

const fs = require('node:fs');
const path = require('node:path');

const clock = require('../clock.cjs');
const stream = require('../stream.cjs');
const sockets = require('../sockets.cjs');
const modules = require('../modules.cjs');
const { readJob, setEnvironment } = require('../job.cjs');
const { isModule } = require('./settings.cjs');
const ending = require('./ending.cjs');
const lookups = require('./lookups.cjs');
const steps = require('./steps.cjs');
const workers = require('./workers.cjs');

const [jobFd, eventsFd] = process.argv.slice(2).map(Number);

sockets.install();
// Whatever a job may need is loaded by now. An empty line is no event; it says so to the runner.
fs.writeSync(eventsFd, '\n');
const job = readJob(jobFd);
if (job === null) process.exit(0); // The runner went away without having said what to do.

setEnvironment(job.env);
process.chdir(job.root);
stream.open(eventsFd);
lookups.install(job.resolve);
const started = clock.start();
stream.tellLine(
  `{"type":"attempt_started","at_ns":0,"check":${JSON.stringify(job.check)},` +
    `"started_ns":${started},"engine":"playwright","pid":${process.pid}}`,
);
steps.begin(started, job.root);
const { playwright, script, packages, resolve, limits, root, timeout_ms: timeoutMs } = job;
const checkly = path.join(__dirname, 'checkly.cjs');
const shared = {
  script, packages, resolve, limits, root, timeoutMs,
  instead: { '@checkly/playwright-helpers': checkly },
  settings: {
    script,
    config: playwright.config,
    reporter: path.join(__dirname, 'reporter.cjs'),
    output: path.join(job.folder, 'output'),
  },
};
globalThis[Symbol.for('checkwire')] = { settings: shared.settings, failed: ending.misconfigured };
modules.install(packages, script, shared.instead);
workers.install(shared);
ending.install(job);

const ours = playwright.config && isModule(playwright.config) ? 'config.mjs' : 'config.cjs';
process.argv = [process.execPath, playwright.cli, 'test', '--config', path.join(__dirname, ours)];
require(playwright.cli);
