// JSON as people write it: short lists on one line, the rest one to a line, comments in front of what they speak of.

export interface JsonValue {
  /** Text of a scalar as it is written; a list; or keys with their values, which may stand in any number. */
  readonly value: string | readonly JsonValue[] | readonly JsonMember[];
  readonly is: 'scalar' | 'list' | 'object';
  readonly comments?: readonly string[];
}

export interface JsonMember {
  readonly key: string;
  readonly value: JsonValue;
}

export const scalar = (value: string | number | boolean): JsonValue => ({
  is: 'scalar',
  value: JSON.stringify(value),
});
export const list = (value: readonly JsonValue[]): JsonValue => ({ is: 'list', value });
export const object = (value: readonly JsonMember[]): JsonValue => ({ is: 'object', value });

/** Longest line that a list is put on. */
const MAX_WIDTH = 100;
const INDENT = '  ';

/** The text without a line end. `ending`: comments behind all else. */
export function layOut(root: JsonValue, ending: readonly string[] = []): string {
  return `${commentLines(root, '')}${lines(root, '', ending)}`;
}

function lines(value: JsonValue, indent: string, ending: readonly string[] = []): string {
  if (value.is === 'scalar') return value.value as string;
  const oneLine = onOneLine(value);
  if (oneLine !== undefined && ending.length === 0 && indent.length + oneLine.length <= MAX_WIDTH)
    return oneLine;
  const inner = indent + INDENT;
  const [open, close] = value.is === 'list' ? '[]' : '{}';
  const parts = partsOf(value).map(
    ({ key, value: each }, i, all) =>
      `${commentLines(each, inner)}${inner}${key}${lines(each, inner)}${i < all.length - 1 ? ',' : ''}\n`,
  );
  const last = ending.map((text) => `${inner}//${text}\n`).join('');
  return `${open}\n${parts.join('')}${last}${indent}${close}`;
}

function partsOf(value: JsonValue): readonly { readonly key: string; readonly value: JsonValue }[] {
  if (value.is === 'list')
    return (value.value as readonly JsonValue[]).map((each) => ({ key: '', value: each }));
  return (value.value as readonly JsonMember[]).map((member) => ({
    key: `${JSON.stringify(member.key)}: `,
    value: member.value,
  }));
}

/** Undefined for what holds comments, or other than scalars. */
function onOneLine(value: JsonValue): string | undefined {
  const parts = partsOf(value);
  if (parts.length === 0) return value.is === 'list' ? '[]' : '{}';
  const mayNest = value.is === 'list';
  const texts: string[] = [];
  for (const { key, value: each } of parts) {
    if (each.comments !== undefined && each.comments.length > 0) return undefined;
    const text =
      each.is === 'scalar'
        ? (each.value as string)
        : each.is === 'list' && mayNest
          ? onOneLine(each)
          : undefined;
    if (text === undefined) return undefined;
    texts.push(key + text);
  }
  if (value.is === 'list') return `[${texts.join(', ')}]`;
  return texts.length > 1 ? undefined : `{ ${texts.join(', ')} }`;
}

/** A comment's text as it stands behind its sign; it cannot end early, as it ends with its line. */
function commentLines({ comments = [] }: JsonValue, indent: string): string {
  return comments.map((text) => `${indent}//${text}\n`).join('');
}
