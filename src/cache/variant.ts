// Which of several answers with one key a request gets: a digest over the fields that Vary lists, as nginx makes it.
import { createHash } from 'node:crypto';
import type { Fields } from '../http/fields.ts';

/** Of these, blanks and commas do not count. */
const LISTS: ReadonlySet<string> = new Set(['accept-charset', 'accept-encoding', 'accept-language']);

/** `main` is the key's digest in hexadecimal. */
export function variantOf(
  main: string,
  vary: string,
  request: Pick<Fields, 'count' | 'named' | 'value'>,
): string {
  const hash = createHash('md5').update(main, 'hex');
  for (const name of vary.toLowerCase().split(/[ ,]+/)) {
    if (name === '') continue;
    hash.update(`${name}:${fieldOf(name, request)}\r\n`, 'latin1');
  }
  return hash.digest('hex');
}

function fieldOf(name: string, request: Pick<Fields, 'count' | 'named' | 'value'>): string {
  const values: string[] = [];
  for (let i = 0; i < request.count; i++) if (request.named(i, name)) values.push(request.value(i));
  if (!LISTS.has(name)) return values.join(',');
  return values.flatMap((value) => value.split(/[ ,]+/).filter((part) => part !== '')).join(',');
}
