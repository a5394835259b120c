// Answers of nginx and lbproxy to the same bytes, compared by what their bodies mean: compressed ones are decompressed first.
import { gunzipSync } from 'node:zlib';
import { type Comparable, comparable, type Pair, type Side } from '../../nginx/pair.ts';
import { type Answer, exchangeOnce, field } from '../../support/wire.ts';
import { TEXT } from './gzip-cases.ts';

export interface Both {
  readonly nginx: Comparable;
  readonly lbproxy: Comparable;
}

export async function askCoded(pair: Pair, request: string): Promise<Both> {
  const [nginx, lbproxy] = await Promise.all(
    [pair.nginx, pair.lbproxy].map((side) => decoded(side, request)),
  );
  return { nginx, lbproxy };
}

async function decoded(side: Side, request: string): Promise<Comparable> {
  const answer = await exchangeOnce(side.port, request);
  return withOwnLength(
    answer,
    comparable(isGzip(answer) ? { ...answer, body: `gzip ${inflated(answer.body)}` } : answer, side),
  );
}

function isGzip(answer: Answer): boolean {
  const coded = answer.fields.some(([name, value]) => name === 'Content-Encoding' && value === 'gzip');
  return coded && answer.body.startsWith('\x1f\x8b');
}

/** Of a part, as it is. */
function inflated(body: string): string {
  try {
    return gunzipSync(Buffer.from(body, 'latin1')).latin1Slice();
  } catch {
    return body;
  }
}

/** What the two sign themselves is never as long as this. */
function withOwnLength(answer: Answer, said: Comparable): Comparable {
  const length = field(answer, 'content-length');
  if (length !== String(TEXT.length)) return said;
  const fields = said.fields.map((line) =>
    line.startsWith('Content-Length') ? `Content-Length: ${length}` : line,
  );
  return { ...said, fields };
}
