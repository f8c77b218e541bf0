'use strict';

// Modules that are others than the script asks for: `ws`, where none is installed, is the copy that
// comes with Checkwire; node:assert says what it verifies.

const Module = require('node:module');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

const SHIMS = {};
for (const [name, file] of [['assert', 'assert.mjs'], ['assert/strict', 'assert_strict.mjs']]) {
  SHIMS[name] = SHIMS[`node:${name}`] = pathToFileURL(path.join(__dirname, file)).href;
}

/**
 * packages: folder by name, of those that stand in for what is not installed. instead: file by name,
 * of those that stand in for what may be installed; with them import is taken care of in the thread
 * that others have for it, whom hooks in this one would keep waiting.
 */
function install(packages, script, instead = {}) {
  const inThread = Object.keys(instead).length > 0;
  const folders = new Map(Object.entries(packages));
  const original = Module._resolveFilename;
  Module._resolveFilename = function (request, ...rest) {
    if (Object.hasOwn(instead, request)) return instead[request];
    try {
      return Reflect.apply(original, this, [request, ...rest]);
    } catch (error) {
      const folder = folders.get(request);
      if (folder === undefined || error.code !== 'MODULE_NOT_FOUND') throw error;
      return path.join(folder, 'index.js');
    }
  };
  if (typeof Module.registerHooks === 'function' && !inThread) {
    Module.registerHooks({
      resolve(specifier, context, next) {
        const shim = SHIMS[specifier];
        if (shim && context.conditions?.includes('import') && context.parentURL !== shim) {
          return { url: shim, shortCircuit: true };
        }
        try {
          return next(specifier, context);
        } catch (error) {
          const folder = folders.get(specifier);
          const code = error.code;
          if (!folder || (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND')) throw error;
          return next(pathToFileURL(path.join(folder, entryFor(context))).href, context);
        }
      },
    });
  } else if (inThread || [...folders.keys()].some((name) => isMissing(name, script))) {
    // Older ones have hooks for import only in a thread of their own, which takes its time.
    const urls = {};
    for (const [name, folder] of folders) {
      urls[name] = pathToFileURL(path.join(folder, 'wrapper.mjs')).href;
    }
    const always = {};
    for (const [name, file] of Object.entries(instead)) {
      // Loaders of others do not all find the names in a file of CommonJS.
      const forImport = pathToFileURL(file.replace(/\.cjs$/, '.mjs')).href;
      always[name] = { import: forImport, require: pathToFileURL(file).href };
    }
    const data = { urls, always, shims: SHIMS };
    Module.register('./loader.mjs', pathToFileURL(__filename), { data });
  }
}

function entryFor(context) {
  return context.conditions?.includes('import') ? 'wrapper.mjs' : 'index.js';
}

function isMissing(name, script) {
  try {
    Module.createRequire(script).resolve.paths(name);
    Module.createRequire(script).resolve(name, { paths: [path.dirname(script)] });
    return false;
  } catch {
    return true;
  }
}

module.exports = { install };
