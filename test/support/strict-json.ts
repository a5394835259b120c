// The kit's strict reader of JSON lines: JSON.parse lets a key come twice and keeps the last, other parsers refuse the line.
import { type Node, parseTree } from 'jsonc-parser';

/** The keys that an object of the line has more than once; throws where the line is no JSON. */
export function repeatedKeys(line: string): string[] {
  JSON.parse(line);
  const tree = parseTree(line, [], { disallowComments: true });
  return tree === undefined ? [] : repeatedIn(tree);
}

function repeatedIn(node: Node): string[] {
  const children = node.children ?? [];
  if (node.type !== 'object') return children.flatMap(repeatedIn);
  const seen = new Set<string>();
  return children.flatMap(({ children: [key, value] = [] }) => {
    const again = seen.has(key.value) ? [String(key.value)] : [];
    seen.add(key.value);
    return [...again, ...repeatedIn(value)];
  });
}
