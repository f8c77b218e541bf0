'use strict';

// @checkly/playwright-helpers, whether it is installed or not: that one writes a file into the
// working folder, which Checkly's own runner looks for.

const { now } = require('../clock.cjs');
const { tell } = require('../stream.cjs');
const { lastDuration } = require('../requests.cjs');

/** The check is degraded, unless something fails. */
function markCheckAsDegraded(reason) {
  const facts = { reason: reason ? String(reason) : '', stack: String(new Error().stack) };
  tell({ type: 'fault', at_ns: now(), kind: 'degraded', facts });
}

/** Milliseconds from the request to the end of its response; null if that is not known. */
function getAPIResponseTime(response) {
  const told = response?.timings?.()?.total;
  if (told !== undefined) return told;
  return typeof response?.url === 'function' ? lastDuration(response.url()) : null;
}

function internalScrubberTest() {}

module.exports = { markCheckAsDegraded, getAPIResponseTime, internalScrubberTest };
