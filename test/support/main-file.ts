// The program that the tests start: what was built before them (built.ts), the sources where nobody did.
import { fileURLToPath } from 'node:url';

export const MAIN =
  process.env.LBPROXY_TESTED_MAIN ?? fileURLToPath(new URL('../../src/main.ts', import.meta.url));
