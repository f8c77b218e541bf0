// Evaluates a Checkly CLI project, its own code with our constructs, and tells what it declares.
//
// node main.mjs PROJECT DESCRIPTOR: one JSON object a line is written to the descriptor, as things
// happen, so that a file which ends the process takes nothing with it of what came before.

import fs from 'node:fs';
import module from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { hooks } from './hooks.mjs';

const CONFIGS = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs'].map((suffix) => `checkly.config.${suffix}`);
const PATIENCE = 20_000;

const root = fs.realpathSync(process.argv[2]);
const descriptor = Number(process.argv[3]);

function tell(record) {
  let rest = Buffer.from(`${JSON.stringify(record)}\n`);
  while (rest.length > 0) rest = rest.subarray(fs.writeSync(descriptor, rest));
}

const shown = (file) => path.relative(root, file).split(path.sep).join('/');

if (fs.existsSync(path.join(root, '.env'))) process.loadEnvFile(path.join(root, '.env'));

const exit = process.exit.bind(process);
process.exit = (status) => {
  throw new Error(`process.exit(${status ?? ''}) was called`);
};
process.setSourceMapsEnabled(true);

const recorder = module.createRequire(import.meta.url)('./constructs.cjs');
recorder.begin({ root, tell });

const env = { ...process.env };
const read = new Map();
process.env = new Proxy(process.env, {
  get(target, name) {
    const value = target[name];
    if (typeof name === 'string' && !read.has(name) && recorder.isAsked()) {
      read.set(name, value);
      if (value !== undefined && value === env[name]) tell({ type: 'variable', name, value });
    }
    return value;
  },
});
module.registerHooks(hooks(root));

process.on('unhandledRejection', (error) => failed(recorder.current() ?? root, error));

async function load(file) {
  tell({ type: 'begun', file: shown(file) });
  recorder.enter(file);
  read.clear();
  try {
    const loaded = await soon(import(pathToFileURL(file).href));
    const exported = loaded.default?.default ?? loaded.default ?? loaded;
    return typeof exported === 'function' ? await soon(exported()) : exported;
  } catch (error) {
    failed(file, error);
    return undefined;
  } finally {
    recorder.enter(undefined);
  }
}

/** What a promise comes to, or an error if it comes to nothing. */
async function soon(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    const seconds = PATIENCE / 1000;
    timer = setTimeout(() => reject(new Error(`it did not finish within ${seconds} s`)), PATIENCE);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function failed(file, error) {
  const place = recorder.placeOf(error) ?? { file: shown(file), line: 1 };
  const message = error instanceof Error ? error.message : String(error);
  const unset = [...read].filter(([, value]) => value === undefined).map(([name]) => name);
  tell({
    type: 'failed',
    file: shown(file),
    place,
    name: error instanceof Error ? error.name : 'Error',
    code: error?.code,
    message: message.split('\n').find((line) => line.trim()) ?? '',
    unset,
  });
}

function find(patterns, ignored, from = root) {
  if (patterns === undefined) return [];
  const found = fs.globSync([patterns].flat().map((one) => one.replaceAll('\\', '/')), {
    cwd: from,
    exclude: (one) => ['node_modules', '.git'].includes(path.basename(one)),
  });
  return found
    .filter((one) => !ignored.some((pattern) => path.matchesGlob(one, pattern)))
    .map((one) => path.resolve(from, one))
    .filter((one) => fs.statSync(one).isFile())
    .sort();
}

const name = CONFIGS.find((one) => fs.existsSync(path.join(root, one)));
if (name === undefined) {
  tell({ type: 'no_config' });
} else {
  const file = path.join(root, name);
  const config = (await load(file)) ?? {};
  tell({ type: 'config', file: name, value: recorder.plain(config) });
  const checks = config.checks ?? {};
  const ignored = [checks.ignoreDirectoriesMatch ?? []].flat();
  const files = find(checks.checkMatch ?? '**/*.check.{js,ts}', ignored);
  tell({ type: 'files', files: files.map(shown) });
  for (const one of files) await load(one);
  for (const [kind, settings] of [
    ['BrowserCheck', checks.browserChecks],
    ['MultiStepCheck', checks.multiStepChecks],
  ]) {
    for (const script of find(settings?.testMatch, ignored)) recorder.script(kind, script);
  }
}
tell({ type: 'end' });
exit(0); // A timer or a socket of the project's own modules would keep it.
