'use strict';

// What became of a test: which of its errors count, and for how much. Playwright tells the same of
// an expectation that stops the test, of one that is soft, and of one whose error the test catches.

const { now } = require('../clock.cjs');
const { tell } = require('../stream.cjs');
const { NO_BROWSER } = require('./settings.cjs');
const steps = require('./steps.cjs');

// eslint-disable-next-line no-control-regex
const COLOURS = /\u001b\[[0-9;]*m/g;
const NAMED = /^(?:Uncaught )?(\w*Error): /;
const EXPECTATION = /(?:^|\n)\s*expect(?:\.\w+)*\(/;
const TITLED_SOFT = /^expect\.soft\b|^Expect "(?:poll )?soft /;
const SOFT = /\bexpect\s*\.\s*soft\b|^\s*\.\s*soft\b/;
const CONFIGURED = /(\w+)\s*=\s*\w+(?:\.\w+)*\.configure\(\s*\{[^}]*\bsoft\s*:\s*true/g;

let failing = 0;
let held = 0;
let outOfMemory = false;

/** What the process of the tests itself, not a test, has printed as an error. */
function complained(chunk) {
  outOfMemory ||= /out of memory|[Aa]llocation fail/.test(String(chunk));
}

/** How many failures of tests were told, soft ones included. */
function failures() {
  return failing;
}

/** How many expectations held. */
function expectations() {
  return held;
}

/** The expectations of one test. */
class Expectations {
  constructor() {
    this.failed = [];
  }

  /** One has ended. number: of the step that it is in. */
  ended(step, number) {
    if (step.error === undefined) {
      held += 1;
      const place = placeText(step.location);
      this.failed = this.failed.filter((one) => placeText(one.step.location) !== place);
    } else if (!isWithinAnother(step)) {
      this.failed.push({ step, number, at: steps.moment(step.startTime, step.duration) });
    }
  }

  /** The one that an error of the test is of. */
  of(error) {
    return this.failed.find(({ step }) => isSame(step.error, error));
  }
}

/** Tell what failed in a test that should have passed. number: its step. */
function tellErrors(test, name, result, expectations, number) {
  let hard = false;
  const place = steps.placeOf(test.location); // Better than none.
  const errors = result.errors.length ? result.errors : [{ message: `Test ${result.status}` }];
  if (result.status === 'timedOut') {
    const [first, ...others] = errors;
    const details = others.map((error) => plain(error.message)).join('\n\n');
    return { hard: true, overdue: { ...withPlace(factsOf(first), place), test: name, details, at: now(), number } };
  }
  for (const error of errors) {
    const expectation = expectations.of(error);
    const soft = expectation !== undefined && isSoft(expectation.step);
    hard ||= !soft;
    const facts = withPlace({ ...factsOf(error, expectation?.step.location), test: name, soft }, place);
    if (expectation) facts.assertion = true;
    fault(facts.browser ? 'browser' : 'test_error', facts, expectation?.number ?? number,
      expectation?.at);
  }
  return { hard };
}

/** Tell of expectations that did not hold, and whose errors the test has caught. */
function tellSwallowed(name, expectations) {
  for (const { step, number, at } of expectations.failed) {
    const facts = { ...factsOf(step.error, step.location), test: name, assertion: true };
    fault('swallowed', facts, number, at);
  }
  return expectations.failed.length > 0;
}

function fault(kind, facts, number, at = now()) {
  failing += 1;
  tell({ type: 'fault', at_ns: at, kind, step: number, facts });
}

/** What an error of Playwright's says. */
function factsOf(error, location) {
  const text = plain(error.message ?? error.value);
  const name = NAMED.exec(text)?.[1] ?? '';
  return {
    name,
    message: text.replace(NAMED, '').slice(0, 8000),
    stack: plain(error.stack).slice(0, 16000),
    code: /Cannot find (?:module|package) '/.test(text) ? 'MODULE_NOT_FOUND' : null,
    assertion: /^(Jest)?Assertion|^Expect/.test(name) || EXPECTATION.test(text),
    browser: text.includes(NO_BROWSER) || /Executable doesn't exist|browserType\.launch/.test(text),
    out_of_memory: outOfMemory,
    place: steps.placeOf(location ?? error.location),
  };
}

function withPlace(facts, place) {
  return facts.place ? facts : { ...facts, place, elsewhere: true };
}

function plain(text) {
  return String(text ?? '').replace(COLOURS, '');
}

/** Whether the test went on after it. With a message of its own its title does not say so. */
function isSoft(step) {
  if (TITLED_SOFT.test(step.title)) return true;
  const lines = steps.lines(step.location?.file ?? '');
  const names = [...lines.join('\n').matchAll(CONFIGURED)].map((match) => match[1]);
  // The location is that of the matcher; a chain may have begun on a line above.
  for (let i = (step.location?.line ?? 0) - 1; i >= 0; i -= 1) {
    const text = lines[i] ?? '';
    if (SOFT.test(text) || names.some((name) => text.includes(`${name}(`))) return true;
    if (!/^\s*\./.test(text)) return false;
  }
  return false;
}

/** expect(...).toPass() and expect.poll() try others until they hold. */
function isWithinAnother(step) {
  for (let above = step.parent; above; above = above.parent) {
    if (above.category === 'expect') return true;
  }
  return false;
}

function isSame(one, other) {
  return one !== undefined && one.message === other.message && one.stack === other.stack;
}

function placeText(location) {
  return location ? `${location.file}:${location.line}:${location.column}` : '';
}

module.exports = {
  Expectations, complained, expectations, factsOf, failures, fault, isSoft, tellErrors, tellSwallowed,
};
