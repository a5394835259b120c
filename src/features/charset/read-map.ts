// The lines of a `charset_map` block, as ngx_http_charset_map reads them. Every problem is told with its place.
import type { Problems } from '../../config/problem.ts';
import type { Directive } from '../../config/tree.ts';
import { CODE_LIMIT, decodeUtf8 } from './decode-utf8.ts';
import type { CharsetMap } from './rows.ts';

export const isUtf8 = (name: string): boolean => name.toLowerCase() === 'utf-8';

/** Undefined after a problem that leaves nothing of the block. */
export function readCharsetMap(
  { args: [from, to], block, at }: Directive,
  before: readonly CharsetMap[],
  problems: Problems,
): CharsetMap | undefined {
  const [a, b] = [from.text.toLowerCase(), to.text.toLowerCase()];
  if (a === b)
    return problems.error(at, `"charset_map" between the same charsets "${from.text}" and "${to.text}"`);
  if (isUtf8(from.text))
    return problems.error(at, '"charset_map" with "utf-8" charset should be given in the second column');
  const isTaken = before.some((map) => {
    const [c, d] = [map.from.toLowerCase(), map.to.toLowerCase()];
    return (a === c && b === d) || (a === d && b === c);
  });
  if (isTaken) return problems.error(at, `duplicate "charset_map" between "${from.text}" and "${to.text}"`);
  const pairs = (block ?? []).flatMap((line): [number, readonly number[]][] => {
    const pair = readLine(line, isUtf8(to.text), problems);
    return pair === undefined ? [] : [pair];
  });
  return { from: from.text, to: to.text, pairs };
}

function readLine(
  { name, args, at }: Directive,
  toUtf8: boolean,
  problems: Problems,
): [number, readonly number[]] | undefined {
  if (args.length !== 1)
    return problems.error(at, 'a line of "charset_map" is a byte and what it becomes, such as C0 D18E;');
  const [{ text, at: valueAt }] = args;
  const byte = hexadecimal(name);
  if (byte === undefined || byte.length !== 1)
    return problems.error(at, `"${name}" is no byte in hexadecimal`);
  const bytes = hexadecimal(text);
  if (bytes === undefined || (!toUtf8 && bytes.length !== 1))
    return problems.error(valueAt, `"${text}" is ${toUtf8 ? 'not bytes' : 'no byte'} in hexadecimal`);
  if (toUtf8 && (bytes.length > 3 || decodeUtf8(Buffer.from(bytes), 0, bytes.length) > CODE_LIMIT))
    return problems.error(valueAt, `"${text}" is no character of utf-8 beyond ASCII of up to three bytes`);
  return [byte[0], bytes];
}

function hexadecimal(text: string): readonly number[] | undefined {
  const even = text.length === 1 ? `0${text}` : text;
  return /^(?:[0-9a-f]{2})+$/i.test(even) ? [...Buffer.from(even, 'hex')] : undefined;
}
