// What a JSON value looks like, and what it can stand for.
import type { Node } from 'jsonc-parser';
import { splitWords } from '../nginx/lex.ts';
import type { JsonShape } from './shape.ts';

/** Keys and values; a key without a value was reported as a syntax error. */
export function properties(node: Node): [key: Node, value: Node][] {
  return (node.children ?? []).flatMap(({ children: [key, value] = [] }): [Node, Node][] =>
    key === undefined || value === undefined ? [] : [[key, value]],
  );
}

/** `[]`, `{}` */
export function isEmpty({ type, children }: Node): boolean {
  return (type === 'array' || type === 'object') && (children ?? []).length === 0;
}

export function describe(node: Node): string {
  const words: Readonly<Record<string, string>> = { array: 'a list', object: 'an object', null: 'null' };
  return words[node.type] ?? (node.value === '' ? 'an empty text' : JSON.stringify(node.value));
}

/**
 * Whether a list is the arguments of one directive although several may stand: one by one they would not be enough, together
 * they are. `"set": ["$a", "b"]`; and `"return": [200, "hi"]`, behind which a second return would never be reached.
 */
export function isOneDirective(shape: JsonShape, elements: readonly Node[]): boolean {
  const { minArgs, maxArgs, block } = shape;
  if (block || elements.length < 2 || elements.length > maxArgs || elements.length < minArgs) return false;
  if (elements.some(({ children }) => children !== undefined)) return false;
  if (shape.name === 'listen') return isHostAndPort(elements);
  if (shape.name === 'return') return /^\d+$/.test(String(elements[0].value));
  return elements.some((element) => wordCount(element) < minArgs);
}

/** `["127.0.0.1", 8080]`: nobody means two addresses, one with port 80. What `listen` says of its words shows the form. */
function isHostAndPort([host, port, more]: readonly Node[]): boolean {
  if (more !== undefined || !/^\d+$/.test(String(port.value))) return false;
  return /^(?:\*|\[.*\]|[A-Za-z0-9.-]*[A-Za-z.][A-Za-z0-9.-]*)$/.test(String(host.value));
}

function wordCount({ type, value }: Node): number {
  return type === 'string' ? splitWords(value).words.length : 1;
}

/** Whether true or false stands for a word among the arguments; what has no effect here is not asked. */
export function takes(syntax: string | undefined, value: boolean): boolean {
  return (
    syntax === undefined || syntax === '…' || (value ? /\b(?:on|true)\b/ : /\b(?:off|false)\b/).test(syntax)
  );
}

const NAME_KEYS: readonly string[] = ['path', 'location', 'match', 'uri', 'prefix', 'route', 'name'];

/**
 * The hint for `"locations": [{ "path": "/a/", "proxy_pass": … }]` and the like: an object that holds directives where the keys are
 * names. `knows` tells whether a key is a directive of the block. Undefined when nothing is wrong.
 */
export function nameMissing(
  plural: string,
  node: Node,
  knows: (key: string) => JsonShape | undefined,
): string | undefined {
  const plain = properties(node).filter(([, value]) => value.type !== 'object');
  const isDirective = ([key]: [Node, Node]): boolean =>
    knows(key.value) !== undefined || (/^upstreams?$/.test(plural) && key.value === 'servers');
  if (!plain.some(isDirective)) return undefined;
  const named = plain.find(([key, value]) => NAME_KEYS.includes(key.value) && value.type === 'string');
  const one = plural.replace(/s$/, '');
  const name = named?.[1].value ?? (one === 'location' ? '/' : one === 'if' ? '($variable)' : 'name');
  return `${/^[aeiou]/.test(one) ? 'an' : 'a'} ${one} is named by its key; write "${plural}": { ${JSON.stringify(name)}: { … } }`;
}
