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

/** packages: folder by name, of those that stand in for what is not installed. */
function install(packages, script) {
  const folders = new Map(Object.entries(packages));
  const original = Module._resolveFilename;
  Module._resolveFilename = function (request, ...rest) {
    try {
      return Reflect.apply(original, this, [request, ...rest]);
    } catch (error) {
      const folder = folders.get(request);
      if (folder === undefined || error.code !== 'MODULE_NOT_FOUND') throw error;
      return path.join(folder, 'index.js');
    }
  };
  if (typeof Module.registerHooks === 'function') {
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
  } else if ([...folders.keys()].some((name) => isMissing(name, script))) {
    // Older ones have hooks for import only in a thread of their own, which takes its time.
    const urls = {};
    for (const [name, folder] of folders) {
      urls[name] = pathToFileURL(path.join(folder, 'wrapper.mjs')).href;
    }
    Module.register('./loader.mjs', pathToFileURL(__filename), { data: urls });
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
