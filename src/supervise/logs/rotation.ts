// How a file is rotated, and what holds where those who share it differ.
import type { StreamPlan } from '../plan.ts';

export type Rotation = Pick<StreamPlan, 'maxBytes' | 'backups' | 'daily' | 'gzip' | 'totalBytes'>;

export const NO_ROTATION: Rotation = { maxBytes: 0, backups: 0, daily: false, gzip: false, totalBytes: 0 };

/** Bytes that are kept at most: those of the file and of all that were rotated. */
export function budgetBytes({ maxBytes, backups, totalBytes }: Rotation): number {
  if (maxBytes === 0) return Number.POSITIVE_INFINITY;
  return Math.min(
    maxBytes * (backups + 1),
    totalBytes === 0 ? Number.POSITIVE_INFINITY : totalBytes + maxBytes,
  );
}

/** Of two wishes for one path the one that loses less; the second where they are equal. */
export function withLargerBudget(a: Rotation, b: Rotation): Rotation {
  return budgetBytes(a) > budgetBytes(b) ? a : b;
}

export function sameRotation(a: Rotation, b: Rotation): boolean {
  return (
    a.maxBytes === b.maxBytes &&
    a.backups === b.backups &&
    a.daily === b.daily &&
    a.gzip === b.gzip &&
    a.totalBytes === b.totalBytes
  );
}
