// The same as config.cjs, where the user's configuration is an ES module.

import { pathToFileURL } from 'node:url';
import { createRequire } from 'node:module';

const { settingsOf } = createRequire(import.meta.url)('./settings.cjs');

const { settings, failed } = globalThis[Symbol.for('checkwire')];

let own = {};
try {
  own = await import(pathToFileURL(settings.config).href);
  own = own.default?.default ?? own.default ?? own;
} catch (error) {
  failed?.(error);
  throw error;
}

export default settingsOf(own, settings);
