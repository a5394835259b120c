// Models as tests compare them: each level with all that it inherits, and as an acceptor gets them.
import type { Model } from '../../src/config/model.ts';
import { ModelReader, type PackedModel } from '../../src/config/model-wire.ts';

/** A copy whose settings are their own throughout. */
export function whole(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(whole);
  if (typeof value !== 'object' || value === null) return value;
  const out: Record<string, unknown> = {};
  for (const key in value)
    Object.defineProperty(out, key, {
      value: whole((value as Record<string, unknown>)[key]),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  return out;
}

export function received(pieces: PackedModel): Model {
  const reader = new ModelReader();
  for (const piece of pieces) reader.take(piece);
  return reader.model;
}
