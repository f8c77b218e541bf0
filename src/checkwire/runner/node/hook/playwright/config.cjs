'use strict';

// What Playwright reads as its configuration, in each of its processes, where the user has none, or
// one in CommonJS.

const { settingsOf } = require('./settings.cjs');

const { settings, failed } = globalThis[Symbol.for('checkwire')];

let own = {};
try {
  if (settings.config) own = require(settings.config);
  own = own.default ?? own;
} catch (error) {
  failed?.(error);
  throw error;
}
module.exports = settingsOf(own, settings);
