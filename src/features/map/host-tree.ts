// Names with wildcards, as a tree of their labels: a look-up goes as far as labels are known, however long the name is.

interface Node<V> {
  readonly inner: Map<string, Node<V>>;
  /** Of the names below this one. */
  below: V | undefined;
  /** Of this very name. */
  itself: V | undefined;
}

const newNode = <V>(): Node<V> => ({ inner: new Map(), below: undefined, itself: undefined });

/** The longest `*.name` or `.name` that a name ends with, else the longest `name.*` that it begins with. */
export class HostTree<V> {
  /** By labels from the last to the first. */
  readonly #suffixes = newNode<V>();
  readonly #prefixes = newNode<V>();

  addSuffix(name: string, value: V, itself: boolean): void {
    const node = descend(this.#suffixes, name.split('.').reverse());
    node.below = value;
    if (itself) node.itself = value;
  }

  addPrefix(name: string, value: V): void {
    descend(this.#prefixes, name.split('.')).below = value;
  }

  find(name: string): V | undefined {
    return this.#bySuffix(name) ?? this.#byPrefix(name);
  }

  #bySuffix(name: string): V | undefined {
    let found: V | undefined;
    let node = this.#suffixes;
    for (let end = name.length; ; ) {
      const dot = end === 0 ? -1 : name.lastIndexOf('.', end - 1);
      const inner = node.inner.get(name.slice(dot + 1, end));
      if (inner === undefined) return found;
      // The first label: nothing stands before it, so that the name is this very one.
      if (dot < 0) return inner.itself ?? found;
      found = inner.below ?? found;
      node = inner;
      end = dot;
    }
  }

  #byPrefix(name: string): V | undefined {
    let found: V | undefined;
    let node = this.#prefixes;
    for (let from = 0; ; ) {
      const dot = name.indexOf('.', from);
      const inner = dot < 0 ? undefined : node.inner.get(name.slice(from, dot));
      if (inner === undefined) return found;
      found = inner.below ?? found;
      node = inner;
      from = dot + 1;
    }
  }
}

function descend<V>(root: Node<V>, labels: readonly string[]): Node<V> {
  let node = root;
  for (const label of labels) {
    const inner = node.inner.get(label) ?? newNode<V>();
    node.inner.set(label, inner);
    node = inner;
  }
  return node;
}
