// The same as modules.cjs, for `import` in a Node that has no hooks in its main thread.

let urls = {};

export function initialize(data) {
  urls = data;
}

export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    if (!(specifier in urls) || error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    return next(urls[specifier], context);
  }
}
