'use strict';

/** What an error says of itself, as JSON can hold it. */
function errorFacts(error) {
  const inner = error.errors?.[0] ?? error;
  return {
    error: error.code ?? inner.code ?? error.name ?? 'Error',
    errno: typeof inner.errno === 'number' ? -inner.errno : null,
    reason: inner.reason ?? null,
    library: inner.library ?? null,
    message: String(error.message || inner.message || error).slice(0, 4000),
  };
}

module.exports = { errorFacts };
