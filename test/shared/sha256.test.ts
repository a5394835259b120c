import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { ownSha256, sha256 } from '../../src/shared/sha256.ts';

const known = (text: string): string => createHash('sha256').update(text).digest('hex');

it('is SHA-256, whatever the length and the letters', () => {
  // All lengths of the last block, and of those before it.
  const texts = ['/', 'é', '漢', '\0', '\x80\uffff', '😀/'].flatMap((letters) =>
    Array.from({ length: 140 }, (_, length) => letters.repeat(length)),
  );
  expect(texts.map((text) => ownSha256(text).toString('hex'))).toEqual(texts.map(known));
});

it('is the same by whichever it is made: of many texts, and of long ones', () => {
  const texts = Array.from({ length: 120 }, (_, i) => `${i}`.repeat(1 + i * 10));
  expect(texts.map((text) => sha256(text).toString('hex'))).toEqual(texts.map(known));
});
