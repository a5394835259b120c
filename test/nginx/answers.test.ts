// Whole answers of lbproxy and of nginx to the same bytes, through both real fronts: files, ranges, conditions, redirects, returns,
// location matching, rewrites, conditions, errors. Every field but Server and Date must be the same.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFiles } from '../serve/site.ts';
import { nginxVersion } from '../support/nginx.ts';
import * as cases from './answers-cases.ts';
import { configuration } from './answers-configuration.ts';
import { ERRORS } from './answers-errors.ts';
import { askBoth, askBothInOneSecond, type Pair, startPair } from './pair.ts';

const { FILES, RANGES, CONDITIONS, LOCATIONS, RETURNS, REWRITES, IFS, EXPIRES } = cases;
const GROUPS = { FILES, RANGES, CONDITIONS, LOCATIONS, RETURNS, REWRITES, IFS, ERRORS, EXPIRES };

/** Where lbproxy means to differ: the status line it gives, and why. */
const DIFFERENT: Readonly<Record<string, readonly [statusLine: string, why: string]>> = {
  'GET /return/304': ['HTTP/1.1 304 Not Modified', 'a 304 describes no body of its own'],
  'GET /text/304': ['HTTP/1.1 304 Not Modified', 'the same'],
  'GET /to/crlf%0d%0aX:y': ['HTTP/1.1 302 Moved Temporarily', 'a variable never ends a field'],
  'HEAD /to/crlf%0d%0aX:y': ['HTTP/1.1 302 Moved Temporarily', 'the same'],
  'lower-case method': ['HTTP/1.1 200 OK', 'methods are tokens of any case (RFC 9110)'],
  CONNECT: ['HTTP/1.1 405 Not Allowed', 'a known method that is not served here'],
  asterisk: ['HTTP/1.1 405 Not Allowed', 'OPTIONS * is valid; nothing here answers it'],
  0.9: ['HTTP/1.1 400 Bad Request', 'HTTP/0.9 is not spoken'],
  Expect: ['HTTP/1.1 200 OK', 'no 100 to a body that nobody reads'],
  'unknown Expect': ['HTTP/1.1 417 Expectation Failed', 'RFC 9110 allows 417, which tells the client'],
};

describe.skipIf(nginxVersion === '')('lbproxy answers as nginx', () => {
  const files = makeFiles();
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair(configuration(files.root));
  });
  afterAll(async () => {
    await pair?.close();
    files.remove();
  });

  for (const [what, list] of Object.entries(GROUPS)) {
    it.each(list)(`${what.toLowerCase()}: %s`, async (name, bytes) => {
      const ask = list === EXPIRES ? askBothInOneSecond : askBoth;
      const { nginx, lbproxy } = await ask(pair, bytes);
      const different = DIFFERENT[name];
      if (different === undefined) return expect(lbproxy).toEqual(nginx);
      expect(lbproxy.status).toBe(different[0]);
      expect(lbproxy).not.toEqual(nginx);
    });
  }
});
