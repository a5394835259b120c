// Which of the changed processes an update replaces next. Pure.

/** A process as far as its ports matter: the one it has. */
interface Placed {
  readonly spec: { readonly launch: { readonly port: number | null } };
}

/**
 * The smallest set that can be replaced on its own: one process whose new port no other waiting process holds, or, where
 * ports change hands in a ring, all of that ring. `changed` maps what runs to what it becomes and is not empty.
 */
export function replacementBatch<P extends Placed>(changed: ReadonlyMap<P, P['spec']>): readonly P[] {
  let best: readonly P[] = [];
  for (const first of changed.keys()) {
    const batch = withThoseInTheWay(first, changed);
    if (batch.length === 1) return batch;
    if (best.length === 0 || batch.length < best.length) best = batch;
  }
  return best;
}

/** The process, those that hold the port it goes to, those that hold theirs, and so on. */
export function withThoseInTheWay<P extends Placed>(
  first: P,
  changed: ReadonlyMap<P, P['spec']>,
): readonly P[] {
  const batch = new Set([first]);
  // A Set's iteration also meets what is added on the way.
  for (const member of batch) {
    const port = changed.get(member)?.launch.port ?? null;
    for (const other of changed.keys())
      if (port !== null && other.spec.launch.port === port) batch.add(other);
  }
  return [...batch];
}
