// A configuration as a tree of lines and blocks: what the generator makes and the shrinker takes apart.

export interface Node {
  /** A directive without its semicolon, or what stands in front of a block's brace. */
  readonly text: string;
  readonly children?: readonly Node[];
  /** Stays whatever is dropped: without it the rest means nothing. */
  readonly fixed?: boolean;
}

export const line = (text: string): Node => ({ text });
export const fixed = (text: string): Node => ({ text, fixed: true });
export const block = (text: string, children: readonly Node[]): Node => ({ text, children });

export function print(nodes: readonly Node[], indent = ''): string {
  return nodes
    .map(({ text, children }) =>
      children === undefined
        ? `${indent}${text};\n`
        : `${indent}${text} {\n${print(children, `${indent}  `)}${indent}}\n`,
    )
    .join('');
}

/** All nodes that may be dropped, each before those inside it. */
export function droppable(nodes: readonly Node[]): Node[] {
  return nodes.flatMap((node) =>
    node.fixed === true ? [] : [node, ...(node.children === undefined ? [] : droppable(node.children))],
  );
}

export function without(nodes: readonly Node[], dropped: ReadonlySet<Node>): Node[] {
  return nodes
    .filter((node) => !dropped.has(node))
    .map((node) => {
      if (node.children === undefined || node.fixed === true) return node;
      const children = without(node.children, dropped);
      return children.length === node.children.length && children.every((c, i) => c === node.children?.[i])
        ? node
        : { ...node, children };
    });
}

/** Drops what it can, halves first, while `holds`. */
export async function shrunken(
  nodes: readonly Node[],
  holds: (fewer: readonly Node[]) => Promise<boolean>,
  endMs: number,
): Promise<readonly Node[]> {
  const all = droppable(nodes);
  const dropped = new Set<Node>();
  for (let size = all.length >> 1; size >= 1; size >>= 1) {
    const left = all.filter((node) => !dropped.has(node));
    for (let i = 0; i < left.length && Date.now() < endMs; i += size) {
      const tried = new Set([...dropped, ...left.slice(i, i + size)]);
      if (await holds(without(nodes, tried))) for (const node of tried) dropped.add(node);
    }
  }
  return without(nodes, dropped);
}
