// How the project's modules are found and read: as Checkly's own loader has them, not as Node does.

import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { LANGUAGES, translate } from './sources.mjs';

const STAND_INS = new URL('./constructs.cjs', import.meta.url).href;
const SUFFIXES = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs', '.json'];
const OF_TYPESCRIPT = { '.js': '.ts', '.mjs': '.mts', '.cjs': '.cts' };
const MISSING = ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND', 'ERR_UNSUPPORTED_DIR_IMPORT'];

const isOurs = (file) => path.dirname(file) === import.meta.dirname;
const isFile = (file) => fs.statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;

export function hooks(root) {
  return {
    resolve(specifier, context, next) {
      const standIn = standInFor(specifier);
      if (standIn !== undefined) return standIn;
      if (specifier === 'checkwire:commonjs') {
        return { url: `checkwire:commonjs?${context.parentURL}`, format: 'module', shortCircuit: true };
      }
      try {
        return next(specifier, context);
      } catch (error) {
        if (!MISSING.includes(error.code)) throw error;
        if (/^(@playwright\/test|playwright\/test)$/.test(specifier)) return made('playwright', []);
        const file = nearly(specifier, context.parentURL);
        if (file === undefined) throw located(error, specifier, context.parentURL);
        return next(pathToFileURL(file).href, context);
      }
    },

    load(url, context, next) {
      if (url.startsWith('checkwire:')) {
        return { format: 'module', source: moduleOf(url), shortCircuit: true };
      }
      if (!url.startsWith('file:')) return next(url, context);
      const file = fileURLToPath(url.split('?')[0]);
      if (!file.startsWith(root + path.sep) || file.includes('/node_modules/') || isOurs(file)) {
        return next(url, context);
      }
      const suffix = path.extname(file);
      const imported = !context.conditions?.includes('require');
      if (suffix === '.json' && imported && context.importAttributes?.type !== 'json') {
        const text = fs.readFileSync(file, 'utf8').trim();
        return { format: 'module', source: `export default ${text}`, shortCircuit: true };
      }
      if (!LANGUAGES.includes(suffix)) return next(url, context);
      return { ...translate(file, suffix, context.format), shortCircuit: true };
    },
  };
}

function standInFor(specifier) {
  const [name, names = ''] = specifier.split('?names=');
  if (name !== 'checkly' && !name.startsWith('checkly/')) return undefined;
  return made(name === 'checkly/constructs' ? 'constructs' : 'checkly', names.split(','));
}

const made = (name, names) => ({
  url: `checkwire:${name}?${names.filter(Boolean).join(',')}`,
  format: 'module',
  shortCircuit: true,
});

/** The source of a module of ours. */
function moduleOf(url) {
  const [name, rest] = url.slice('checkwire:'.length).split(/\?(.*)/s);
  if (name === 'commonjs') {
    return [
      `import { createRequire } from 'node:module';`,
      `export const require = createRequire(${JSON.stringify(rest)});`,
      `export const __filename = ${JSON.stringify(fileURLToPath(rest))};`,
      `export const __dirname = ${JSON.stringify(path.dirname(fileURLToPath(rest)))};`,
    ].join('\n');
  }
  const names = [...new Set(rest.split(','))].filter((one) => one && one !== 'default');
  return [
    `import standIns from ${JSON.stringify(STAND_INS)};`,
    `const made = standIns.${name};`,
    ...names.map((one) => `export const ${one} = made.${one};`),
    `export default made;`,
    `export { made as 'module.exports' };`, // what require() gives
  ].join('\n');
}

/** The file that a specifier means without a suffix, with that of its translation, or a folder. */
function nearly(specifier, parent) {
  if (parent === undefined || !/^(\.{1,2}(\/|$)|\/|file:)/.test(specifier)) return undefined;
  const file = fileURLToPath(new URL(specifier, parent));
  const suffix = path.extname(file);
  const translated = OF_TYPESCRIPT[suffix];
  const candidates = [
    ...(translated === undefined ? [] : [file.slice(0, -suffix.length) + translated]),
    ...SUFFIXES.map((one) => file + one),
    ...SUFFIXES.map((one) => path.join(file, `index${one}`)),
  ];
  return candidates.find(isFile);
}

/** The error with the line that asks for what is missing. */
function located(error, specifier, parent) {
  if (error.place === undefined && parent?.startsWith('file:')) {
    const file = fileURLToPath(parent);
    const lines = fs.readFileSync(file, 'utf8').split('\n');
    const quoted = [`'${specifier}'`, `"${specifier}"`];
    const at = lines.findIndex((line) => quoted.some((one) => line.includes(one)));
    error.place = { file, line: Math.max(at, 0) + 1 };
  }
  return error;
}
