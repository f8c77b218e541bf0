'use strict';

// How much is kept of what is told. The runner sets it: it masks secrets, and needs to see a secret
// whole that begins within the limit.

const limits = { payload: 4097, body: 4097 };

function set(given) {
  Object.assign(limits, given);
}

module.exports = { limits, set };
