// The same as modules.cjs, for `import` in a Node that has no hooks in its main thread.

let urls = {};
let always = {};
let shims = {};

export function initialize(data) {
  ({ urls, always, shims } = data);
}

export async function resolve(specifier, context, next) {
  const imported = context.conditions.includes('import');
  const shim = imported ? shims[specifier] : undefined;
  if (shim && context.parentURL !== shim) return { url: shim, shortCircuit: true };
  if (specifier in always) return next(always[specifier][imported ? 'import' : 'require'], context);
  try {
    return await next(specifier, context);
  } catch (error) {
    if (!(specifier in urls) || error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    return next(urls[specifier], context);
  }
}
