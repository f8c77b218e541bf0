'use strict';

// The beginning of a response's body, as text, out of what came over the wire.

const zlib = require('node:zlib');

/** Bytes that are made of a compressed body at most. */
const MOST = 4 * 1024 * 1024;

const GENTLE = { finishFlush: zlib.constants.Z_SYNC_FLUSH, maxOutputLength: MOST };
const DECODERS = {
  gzip: (data) => zlib.gunzipSync(data, GENTLE),
  'x-gzip': (data) => zlib.gunzipSync(data, GENTLE),
  deflate: (data) => ((data[0] & 15) === 8 ? zlib.inflateSync : zlib.inflateRawSync)(data, GENTLE),
  br: (data) => zlib.brotliDecompressSync(data, {
    finishFlush: zlib.constants.BROTLI_OPERATION_FLUSH, maxOutputLength: MOST,
  }),
};

/** So many characters of it; null if there is none, or nothing can be made of it. */
function textOf(chunks, headers, limit) {
  let data = Buffer.concat(chunks);
  if (data.length === 0) return null;
  const encoding = headers.find(([name]) => name.toLowerCase() === 'content-encoding')?.[1];
  try {
    for (const name of (encoding ?? '').toLowerCase().split(',').reverse()) {
      if (name.trim() && name.trim() !== 'identity') data = DECODERS[name.trim()](data);
    }
  } catch {
    return null;
  }
  return data.toString('utf8').slice(0, limit);
}

module.exports = { textOf };
