// node:assert for `import`, with the function itself exchanged as assertions.cjs says.

import { createRequire } from 'node:module';

const assert = createRequire(import.meta.url)('node:assert');

export default assert;
export const {
  AssertionError, deepEqual, deepStrictEqual, doesNotMatch, doesNotReject, doesNotThrow, equal, fail,
  ifError, match, notDeepEqual, notDeepStrictEqual, notEqual, notStrictEqual, ok,
  partialDeepStrictEqual, rejects, strict, strictEqual, throws,
} = assert;
