// Random directives of a level: for each kind the levels it may stand at, and how often it comes.
import { ACCESS_KINDS } from './access-kinds.ts';
import { ANSWER_KINDS } from './answer-kinds.ts';
import type { Kind, Level } from './kind.ts';
import { PEER_KINDS } from './peer-kinds.ts';
import { line, type Node } from './tree.ts';
import type { Cx } from './values.ts';

const KINDS: readonly Kind[] = [...ANSWER_KINDS, ...PEER_KINDS, ...ACCESS_KINDS];

const BY_LEVEL = new Map<Level, readonly Kind[]>();
for (const level of ['h', 's', 'l', 'i'] as const)
  BY_LEVEL.set(
    level,
    KINDS.filter(({ levels }) => levels.includes(level)).flatMap((kind) =>
      Array.from({ length: kind.weight }, () => kind),
    ),
  );

/** Up to `most` directives of a level. */
export function directivesOf(cx: Cx, level: Level, most: number): Node[] {
  const taken = new Set<string>();
  const nodes: Node[] = [];
  for (let i = cx.random.below(most + 1); i > 0; i--) {
    const kind = cx.random.pick(BY_LEVEL.get(level) ?? []);
    if (kind.once && taken.has(kind.name)) continue;
    if (isAlone(kind.name, nodes)) continue;
    taken.add(kind.name);
    const made = kind.make(cx);
    const node = typeof made === 'string' ? line(made) : made;
    if (nodes.some((other) => clash(other.text, node.text))) continue;
    nodes.push(node);
  }
  return nodes;
}

/** `off` and another value of these do not stand side by side. */
function isAlone(name: string, nodes: readonly Node[]): boolean {
  if (!/^(?:mirror|proxy_(?:redirect|cookie_\w+))$/.test(name)) return false;
  return (
    nodes.some(({ text }) => text === `${name} off`) || nodes.some(({ text }) => text.startsWith(`${name} `))
  );
}

const ZONE = /^limit_(?:req zone=|conn )\w+/;
const HOST = /^proxy_set_header Host /;

/** nginx refuses what names the same thing twice; a second Host is sent there and not here. */
function clash(a: string, b: string): boolean {
  if (HOST.test(a) && HOST.test(b)) return true;
  const zone = ZONE.exec(a)?.[0];
  if (zone !== undefined && zone === ZONE.exec(b)?.[0]) return true;
  return a === b && !/^(?:add_header|proxy_set_header|error_page)/.test(a);
}
