'use strict';

// What `checkly` and `checkly/constructs` export, as stand-ins that note what is made of them.

const fs = require('node:fs');
const path = require('node:path');
const util = require('node:util');
const { fileURLToPath } = require('node:url');

const HERE = __dirname + path.sep;
const state = { root: '', tell: () => {}, file: undefined, count: 0, scripts: new Set() };

exports.begin = ({ root, tell }) => Object.assign(state, { root, tell });
exports.enter = (file) => {
  state.file = file;
};
exports.current = () => state.file;
exports.plain = plain;
exports.placeOf = placeOf;
exports.script = script;

const shown = (file) => path.relative(state.root, file).split(path.sep).join('/');
const isOurs = (file) => file.startsWith(HERE);
const isTheirs = (file) =>
  file.startsWith(state.root + path.sep) && !file.includes(`${path.sep}node_modules${path.sep}`);
const asPath = (script) => (script.startsWith('file:') ? fileURLToPath(script) : script);

// Where things are

function here() {
  const sites = util
    .getCallSites(50, { sourceMap: true })
    .map((site) => ({ file: asPath(site.scriptName), line: site.lineNumber }));
  const site = sites.find((one) => path.isAbsolute(one.file) && isTheirs(one.file) && !isOurs(one.file));
  return site === undefined ? undefined : { file: shown(site.file), line: site.line };
}

/** Whether it is the project that asks, and not Node itself. */
exports.isAsked = () => here() !== undefined;

const PLACE = /((?:file:\/\/)?\/[^\s()]*?):(\d+)(?::\d+)?(?=[\s)]|$)/gm;

/** The first line of the project in an error's stack. */
function placeOf(error) {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return undefined;
  if (error.place) return { file: shown(error.place.file), line: error.place.line };
  for (const [, script, line] of error.stack.matchAll(PLACE)) {
    const file = asPath(script);
    if (isTheirs(file)) return { file: shown(file), line: Number(line) };
  }
  return undefined;
}

// Values

function plain(value, above = []) {
  if (value === null || ['string', 'boolean'].includes(typeof value)) return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'function') return { $function: value.name };
  if (typeof value !== 'object') return undefined;
  if (value instanceof Construct) return { $ref: value.$number };
  if (value instanceof Ref) return { $ref: value.number };
  if (value instanceof URL) return value.href;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof RegExp) return value.source;
  if (above.includes(value)) return null;
  const inside = [...above, value];
  if (Array.isArray(value) || value instanceof Set) {
    return [...value].map((one) => plain(one, inside) ?? null);
  }
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  const members = entries.map(([name, one]) => [name, plain(one, inside)]);
  return Object.fromEntries(members.filter(([, one]) => one !== undefined));
}

// Constructs

class Ref {
  constructor(number) {
    this.number = number;
  }
}

class Construct {
  constructor(logicalId, props = {}) {
    Object.defineProperty(this, '$number', { value: state.count++ });
    Object.assign(this, props);
    this.logicalId = String(logicalId);
    note(this, kindOf(this), this.logicalId, props);
  }

  ref() {
    return new Ref(this.$number);
  }

  static fromId(id) {
    return new (recording(`${kindOf(this.prototype)}Ref`))(String(id));
  }
}

function note(construct, kind, id, props) {
  const base = state.file ?? state.root;
  const place = here() ?? { file: shown(base), line: 1 };
  const told = plain(props) ?? {};
  const entrypoint = props?.code?.entrypoint;
  if (typeof entrypoint === 'string') {
    const script = path.resolve(path.dirname(base), entrypoint);
    state.scripts.add(script);
    told.code.entrypoint = shown(script);
  }
  for (const name of ['setupScript', 'tearDownScript']) {
    if (typeof told[name]?.entrypoint === 'string') {
      told[name].entrypoint = shown(path.resolve(path.dirname(base), told[name].entrypoint));
    }
  }
  state.tell({ type: 'construct', number: construct.$number, kind, id, props: told, ...place });
  for (const [key, kindOfScript] of [
    ['browserChecks', 'BrowserCheck'],
    ['multiStepChecks', 'MultiStepCheck'],
  ]) {
    const match = /Group/.test(kind) ? props?.[key]?.testMatch : undefined;
    if (match === undefined) continue;
    const from = path.dirname(base);
    for (const one of fs.globSync(match, { cwd: from }).sort()) {
      script(kindOfScript, path.join(from, one), { group: construct, name: one });
    }
  }
}

/** A check that a pattern of scripts makes, unless a construct names the script. */
function script(kind, file, further = {}) {
  if (state.scripts.has(file)) return;
  state.scripts.add(file);
  const number = state.count++;
  const props = plain({ name: path.basename(file), ...further });
  props.code = { entrypoint: shown(file) };
  state.tell({ type: 'construct', number, kind, id: shown(file), props, file: shown(file), line: 1 });
}

const kinds = new Map();

/** The class of a kind of construct; one of a name that is not known is recorded as well. */
function recording(kind) {
  if (!kinds.has(kind)) {
    const made = { [kind]: class extends Construct {} }[kind];
    kinds.set(kind, made);
  }
  return kinds.get(kind);
}

/** The kind that a construct is, also if the project has made a class of its own of it. */
function kindOf(construct) {
  for (let one = construct; one !== null; one = Object.getPrototypeOf(one)) {
    const made = one.constructor;
    if (made !== undefined && kinds.get(made.name) === made) return made.name;
  }
  return construct.constructor.name;
}

// What is no construct

class Frequency {
  constructor(frequency, frequencyOffset) {
    this.frequency = frequency;
    this.frequencyOffset = frequencyOffset;
  }
}
for (const seconds of [10, 20, 30]) Frequency[`EVERY_${seconds}S`] = new Frequency(0, seconds);
for (const minutes of [1, 2, 5, 10, 15, 30]) Frequency[`EVERY_${minutes}M`] = new Frequency(minutes);
for (const hours of [1, 2, 3, 6, 12, 24]) Frequency[`EVERY_${hours}H`] = new Frequency(hours * 60);

const retry = (type) => (options) => ({
  type,
  baseBackoffSeconds: options?.baseBackoffSeconds ?? 60,
  maxRetries: type === 'SINGLE_RETRY' ? 1 : (options?.maxRetries ?? 2),
  maxDurationSeconds: options?.maxDurationSeconds ?? 600,
  sameRegion: options?.sameRegion ?? true,
  onlyOn: options?.onlyOn,
});
const RetryStrategyBuilder = {
  fixedStrategy: retry('FIXED'),
  linearStrategy: retry('LINEAR'),
  exponentialStrategy: retry('EXPONENTIAL'),
  singleRetry: retry('SINGLE_RETRY'),
  noRetries: () => ({ type: 'NO_RETRIES' }),
};

const AlertEscalationBuilder = {
  runBasedEscalation: (failedRunThreshold, reminders, parallelRunFailureThreshold) => ({
    escalationType: 'RUN_BASED',
    runBasedEscalation: { failedRunThreshold },
    reminders,
    parallelRunFailureThreshold,
  }),
  timeBasedEscalation: (minutesFailingThreshold, reminders, parallelRunFailureThreshold) => ({
    escalationType: 'TIME_BASED',
    timeBasedEscalation: { minutesFailingThreshold },
    reminders,
    parallelRunFailureThreshold,
  }),
};

const upper = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
const COMPARISONS = { isNotNull: 'NOT_NULL' };

/** Builders of assertions; a target keeps its type, which Checkly's own lose. */
const AssertionBuilder = new Proxy(class {}, {
  get: (_, source) => (property, regex) =>
    new Proxy(class {}, {
      get: (__, comparison) => (target) => ({
        source: source === 'responseTme' ? 'RESPONSE_TIME' : upper(String(source)),
        comparison: COMPARISONS[comparison] ?? upper(String(comparison)),
        property: property ?? '',
        regex: regex ?? null,
        target,
      }),
    }),
});

const OTHERS = { Frequency, RetryStrategyBuilder, AlertEscalationBuilder, AssertionBuilder };

/** `checkly/constructs`: everything that is asked for is there. */
exports.constructs = new Proxy(
  {},
  {
    get(_, name) {
      if (typeof name !== 'string' || name === '__esModule' || name === 'then') return undefined;
      if (name === 'default') return exports.constructs;
      if (name in OTHERS) return OTHERS[name];
      if (name.endsWith('AssertionBuilder')) return AssertionBuilder;
      return recording(name);
    },
  },
);

/** `checkly`, and whatever else the package has: settings are taken as they are. */
exports.checkly = new Proxy(
  {},
  {
    get(_, name) {
      if (typeof name !== 'string' || name === '__esModule' || name === 'then') return undefined;
      if (name === 'default') return exports.checkly;
      if (name === 'constructs') return exports.constructs;
      if (/^[A-Z]/.test(name)) return class {};
      return (value) => value;
    },
  },
);

/** `@playwright/test`, if the project has not installed it: for settings that are shared with it. */
exports.playwright = new Proxy(function nothing() {}, {
  get(_, name) {
    if (typeof name !== 'string' || name === '__esModule' || name === 'then') return undefined;
    if (name === 'defineConfig') return (...configs) => Object.assign({}, ...configs);
    if (name === 'devices') return new Proxy({}, { get: () => ({}) });
    return exports.playwright;
  },
  apply: () => exports.playwright,
});
