// A request's body reaches every peer that is tried byte for byte, however it came and whenever it was sent.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { StreamedBody } from '../../src/body/streamed-body.ts';
import type { BodyTarget } from '../../src/http/body-pull.ts';
import { stubExchange } from '../support/stub-exchange.ts';

/** A connection that keeps what is written to it. */
function sink(): { connection: BodyTarget; text(): string } {
  const pieces: Buffer[] = [];
  const connection: BodyTarget = {
    mustWait: false,
    writeText: (text) => void pieces.push(Buffer.from(text, 'latin1')),
    writeFramed: (before, buf, from, to, after) =>
      void pieces.push(
        Buffer.from(before, 'latin1'),
        Buffer.from(buf.subarray(from, to)),
        Buffer.from(after, 'latin1'),
      ),
    writeKept: (buf) => void pieces.push(buf),
  };
  return {
    connection,
    text: () => Buffer.concat(pieces).toString('latin1'),
  };
}

const OWNER = {
  onBodyMore: () => undefined,
  onBodyLost: () => undefined,
  onBodyFailed: () => undefined,
  passBodyOn: () => false,
  peerMustWait: false,
};

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
      const body = new StreamedBody(1_000_000, stubExchange(), OWNER);
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
          body.add(Buffer.from(`<${text}>`, 'latin1'), 1, 1 + text.length);
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

it('passes pieces on without keeping them once a replay is out of the question, in order and not before what waits', () => {
  const body = new StreamedBody(10, stubExchange(), OWNER);
  const to = sink();
  const piece = Buffer.from('..0123456789..');
  expect(body.passOn(to.connection, piece, 2, 8, false)).toBe(false);
  body.add(piece, 2, 8);
  // Too much to keep, but an earlier piece has not gone out.
  expect(body.passOn(to.connection, piece, 8, 14, false)).toBe(false);
  body.sendTo(to.connection, false);
  expect(body.replayable).toBe(true);
  expect(body.passOn(to.connection, piece, 8, 14, false)).toBe(true);
  expect(body.replayable).toBe(false);
  expect(body.passOn(to.connection, piece, 2, 4, true)).toBe(true);
  expect(to.text()).toBe('0123456789..2\r\n01\r\n');
  expect(body.received).toBe(14);
  (to.connection as { mustWait: boolean }).mustWait = true;
  expect(body.passOn(to.connection, piece, 2, 4, false)).toBe(false);
});
