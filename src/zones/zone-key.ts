// A key as the records of a zone carry it: of at most 36 bytes, whatever its length is.
import { hash } from 'node:crypto';

/** The longest that a record has room for. */
export const ZONE_KEY_BYTES = 36;

/** Bytes as latin1: the key itself, or its digest and its length where it is long. No two keys have the same. */
export function zoneKey(key: string): string {
  if (key.length < ZONE_KEY_BYTES) return key;
  const length = Buffer.alloc(ZONE_KEY_BYTES - DIGEST_BYTES);
  length.writeUInt32LE(key.length);
  return hash('sha256', Buffer.from(key, 'latin1'), 'buffer').latin1Slice() + length.latin1Slice();
}

const DIGEST_BYTES = 32;
