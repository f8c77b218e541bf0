'use strict';

// The attempt's timeline: nanoseconds since start(), from the monotonic clock.

const hrtime = process.hrtime;
let seconds = 0;
let nanoseconds = 0;

/** Make this moment 0. Returns the wall clock there, in nanoseconds since 1970, as digits. */
function start() {
  [seconds, nanoseconds] = hrtime();
  return String(BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e3)) * 1000n);
}

function now() {
  const time = hrtime();
  return (time[0] - seconds) * 1e9 + (time[1] - nanoseconds);
}

/** The moment that is 0, for share(). */
function zero() {
  return [seconds, nanoseconds];
}

/** Count from the moment that zero() was for another process of this machine. */
function share(moment) {
  [seconds, nanoseconds] = moment;
}

module.exports = { start, now, zero, share };
