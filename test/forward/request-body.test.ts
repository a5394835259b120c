// A request's body reaches every peer that is tried byte for byte, however it came and whenever it was sent.
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RequestBody } from '../../src/forward/request-body.ts';
import type { PeerConnection } from '../../src/upstream/connection.ts';

/** A connection that keeps what is written to it. */
function sink(): { connection: PeerConnection; text(): string } {
  const pieces: Buffer[] = [];
  const socket = {
    cork() {},
    uncork() {},
    writableNeedDrain: false,
    write(data: string | Buffer) {
      pieces.push(typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
      return true;
    },
  } as unknown as Socket;
  return {
    connection: { socket } as PeerConnection,
    text: () => Buffer.concat(pieces).toString('latin1'),
  };
}

type Step = { readonly add: number } | 'send' | 'restart';

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ add: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 2, arbitrary: fc.record({ add: fc.integer({ min: 400, max: 5000 }) }) },
  { weight: 4, arbitrary: fc.constant('send' as const) },
  { weight: 1, arbitrary: fc.constant('restart' as const) },
);

it('for any pieces, sendings and replays', () => {
  fc.assert(
    fc.property(fc.array<Step>(step, { maxLength: 80 }), (steps) => {
      const body = new RequestBody(1_000_000);
      let whole = '';
      let to = sink();
      for (const one of steps) {
        if (one === 'send') body.sendTo(to.connection, false);
        else if (one === 'restart') {
          body.restart();
          to = sink();
        } else {
          const text = Array.from({ length: one.add }, (_, i) =>
            String.fromCharCode(33 + ((whole.length + i) % 90)),
          ).join('');
          whole += text;
          body.add(Buffer.from(text, 'latin1'));
        }
        expect(whole.startsWith(to.text())).toBe(true);
      }
      body.complete = true;
      body.sendTo(to.connection, false);
      expect(to.text()).toBe(whole);
      body.restart();
      expect(body.takeWhole(1_000_000)).toBe(whole);
    }),
    { numRuns: 300 },
  );
});
