'use strict';

// The job: what the runner wants done, as JSON, on a descriptor that ends with it.

const fs = require('node:fs');

/** The job; null if the runner went away without having said what to do. */
function readJob(descriptor) {
  const chunks = [];
  const chunk = Buffer.alloc(64 * 1024);
  for (;;) {
    const size = fs.readSync(descriptor, chunk, 0, chunk.length, null);
    if (size === 0) break;
    chunks.push(Buffer.from(chunk.subarray(0, size)));
  }
  fs.closeSync(descriptor);
  return chunks.length ? JSON.parse(Buffer.concat(chunks).toString('utf8')) : null;
}

/** Have these variables, and no others. */
function setEnvironment(wanted) {
  for (const name of Object.keys(process.env)) {
    if (!(name in wanted) && name !== 'CHECKWIRE_ZYGOTE') delete process.env[name];
  }
  for (const [name, value] of Object.entries(wanted)) {
    if (process.env[name] !== value) process.env[name] = value;
  }
}

module.exports = { readJob, setEnvironment };
