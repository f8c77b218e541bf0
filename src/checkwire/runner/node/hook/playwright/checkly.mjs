// checkly.cjs for `import`.

import { createRequire } from 'node:module';

export const {
  markCheckAsDegraded, getAPIResponseTime, internalScrubberTest,
} = createRequire(import.meta.url)('./checkly.cjs');
