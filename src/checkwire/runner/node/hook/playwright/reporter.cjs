'use strict';

// Playwright's reporter: tests and their steps become steps, their errors failures.

const { readFileSync } = require('node:fs');
const { now } = require('../clock.cjs');
const { tell } = require('../stream.cjs');
const { end } = require('./ending.cjs');
const steps = require('./steps.cjs');
const verdict = require('./verdict.cjs');
const workers = require('./workers.cjs');

const VERIFIES = /^(?!\s*(?:\/\/|\*)).*\b(?:expect|assert)(?:\.\w+)*\(/;

class Reporter {
  constructor() {
    this.numbers = new Map(); // of steps, by Playwright's own objects
    this.expectations = new Map();
    this.overdue = [];
    this.passed = 0;
    this.script = '';
  }

  onBegin(config, suite) {
    this.script = suite.allTests()[0]?.location.file ?? '';
  }

  onTestBegin(test, result) {
    workers.assertionsSince();
    this.expectations.set(result, new verdict.Expectations());
    if (test.expectedStatus === 'skipped') return;
    this.numbers.set(result, steps.start(nameOf(test), 0, result.startTime, test.location));
  }

  onStepBegin(test, result, step) {
    if (!isShown(step)) return;
    const number = steps.start(step.title, this.around(result, step), step.startTime, step.location);
    this.numbers.set(step, number);
  }

  onStepEnd(test, result, step) {
    const expectations = this.expectations.get(result);
    if (step.category === 'expect') expectations?.ended(step, this.around(result, step));
    const number = this.numbers.get(step);
    if (number === undefined) return;
    const failed = step.error !== undefined && !this.isSoft(result, step.error);
    steps.finish(number, failed, step.duration);
  }

  onTestEnd(test, result) {
    const number = this.numbers.get(result);
    const expectations = this.expectations.get(result);
    const name = nameOf(test);
    const asserted = workers.assertionsSince();
    let failed = false;
    if (result.status === 'skipped') {
      skipped(test, name);
    } else if (result.status === test.expectedStatus) {
      if (test.expectedStatus === 'passed') {
        failed = verdict.tellSwallowed(name, expectations);
        this.passed += 1;
      } else {
        for (const one of asserted) tell({ type: 'held', at_ns: now(), number: one });
      }
    } else if (test.expectedStatus === 'failed') {
      failed = true;
      verdict.fault('expected_failure', { test: name, place: steps.placeOf(test.location) }, number);
    } else {
      const { hard, overdue } = verdict.tellErrors(test, name, result, expectations, number);
      failed = hard;
      if (overdue) this.overdue.push({ ...overdue, limit: test.timeout });
    }
    // Its duration would leave out what hooks for all tests took.
    steps.finish(number, failed);
  }

  onError(error) {
    const facts = verdict.factsOf(error);
    // What could not be read has no tests, of course.
    if (verdict.failures() > 0 && facts.message.startsWith('No tests found')) return;
    verdict.fault('run_error', facts, 0);
  }

  onStdOut(chunk) {
    process.stdout.write(chunk);
  }

  onStdErr(chunk) {
    verdict.complained(chunk);
    process.stderr.write(chunk);
  }

  async onEnd(result) {
    await workers.drained();
    const said = workers.ended();
    const handles = said.flatMap((one) => one.handles);
    for (const { at, number, ...facts } of this.overdue) {
      verdict.fault('test_timeout', { ...facts, handles }, number, at);
    }
    const verifications = verdict.expectations() +
      said.reduce((sum, one) => sum + one.verifications, 0);
    if (verdict.failures() === 0) {
      if (result.status !== 'passed') verdict.fault('run_failed', { status: result.status }, 0);
      else if (this.passed > 0 && verifications === 0 && this.verifies()) {
        tell({ type: 'fault', at_ns: now(), kind: 'never_ran', facts: {} });
      }
    }
    end({ code: result.status === 'passed' ? 0 : 1, verifications });
  }

  /** Or Playwright would have one of its own print. */
  printsToStdio() {
    return true;
  }

  /** The number of the step that is told in which this one is. */
  around(result, step) {
    for (let above = step.parent; above; above = above.parent) {
      if (this.numbers.has(above)) return this.numbers.get(above);
    }
    return this.numbers.get(result) ?? 0;
  }

  isSoft(result, error) {
    const expectation = this.expectations.get(result)?.of(error);
    return expectation !== undefined && verdict.isSoft(expectation.step);
  }

  /** Whether the file has something that verifies. */
  verifies() {
    try {
      return readFileSync(this.script, 'utf8').split('\n').some((line) => VERIFIES.test(line));
    } catch {
      return false;
    }
  }
}

/** Of hooks those that the file has: Playwright has some around every test. */
function isShown(step) {
  return step.category === 'test.step' || (step.category === 'hook' && step.location !== undefined);
}

/** As its author has it: the groups that it is in, and its title. */
function nameOf(test) {
  return test.titlePath().slice(3).join(' › ');
}

function skipped(test, name) {
  const why = test.annotations.find(({ type }) => type === 'skip' || type === 'fixme')?.description;
  tell({ type: 'logged', at_ns: now(), level: 'info', source: 'checkwire',
    message: `The test "${name}" was skipped${why ? `: ${why}` : ''}` });
}

module.exports = Reporter;
