// The ring beside a plain list of what was added to it: the newest of them, whole, and never more than it may hold.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type KeptAttempt, type Passed, Record } from '../../src/inspect/record.ts';
import { Ring } from '../../src/inspect/ring.ts';

const latin1 = (maxLength: number) =>
  fc.array(fc.integer({ min: 0, max: 255 }), { maxLength }).map((codes) => String.fromCharCode(...codes));

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));

const time = fc.oneof(fc.constant(-1), fc.double({ min: 0, max: 1e9, noNaN: true }));

const attempt: fc.Arbitrary<KeptAttempt> = fc.record({
  startedAt: time,
  connectMs: time,
  headMs: time,
  totalMs: time,
  status: fc.integer({ min: 0, max: 999 }),
  peer: latin1(20),
  outcome: fc.constantFrom('ok', 'connect_refused', 'pending'),
  noRetry: latin1(10),
});

const passed: fc.Arbitrary<Passed> = fc.record({
  ms: time,
  from: fc.constantFrom('client', 'peer'),
  kind: fc.constantFrom('text', 'binary', 'piece'),
  length: fc.nat(),
  text: latin1(40),
});

const facts = fc.record({
  at: fc.nat(),
  startedAt: time,
  client: latin1(15),
  secure: fc.boolean(),
  localAddress: latin1(15),
  localPort: fc.nat(65_535),
  server: latin1(9),
  method: latin1(7),
  protocol: latin1(10),
  target: latin1(60),
  host: latin1(9),
  requestFields: latin1(300),
  requestBytes: fc.nat(),
  requestBody: fc.option(bytes(100)),
  whyNoBody: latin1(9),
  status: fc.nat(999),
  answerHead: latin1(200),
  answerBody: latin1(100),
  answerBytes: fc.nat(),
  peerAnswer: latin1(200),
  attempts: fc.array(attempt, { maxLength: 40 }),
  peerSecure: fc.boolean(),
  firstByteMs: time,
  totalMs: time,
  failure: latin1(20),
  passed: fc.array(passed, { maxLength: 60 }),
  passedCount: fc.nat(),
});

let version = 0;

function recordOf(some: Partial<Record>): Record {
  const record = Object.assign(new Record(), some);
  record.id = ++version;
  record.version = version;
  record.firstVersion = version;
  record.peerHeads = record.attempts.map((_, i) => `GET /${i}`);
  return record;
}

describe('the ring', () => {
  it('gives back what was put in', () => {
    fc.assert(
      fc.property(fc.array(facts, { minLength: 1, maxLength: 5 }), (all) => {
        const ring = new Ring(1 << 20);
        const records = all.map(recordOf);
        for (const record of records) ring.add(record);
        expect([...ring.newestFirst()]).toEqual([...records].reverse());
        for (const record of records) expect(ring.get(record.id)).toEqual(record);
        expect(ring.get(version + 1)).toBeUndefined();
      }),
      { numRuns: 200 },
    );
  });

  const size = fc.nat(900);
  const step = fc.oneof(
    { weight: 30, arbitrary: size.map((length) => ({ add: length })) },
    { weight: 1, arbitrary: fc.integer({ min: 600, max: 9000 }).map((resize) => ({ resize })) },
    { weight: 1, arbitrary: fc.constant({ clear: true }) },
  );

  it('keeps the newest that there is room for', () => {
    fc.assert(
      fc.property(fc.integer({ min: 300, max: 5000 }), fc.array(step, { maxLength: 200 }), (limit, steps) => {
        const ring = new Ring(limit);
        let added: Record[] = [];
        for (const one of steps) {
          if ('resize' in one) {
            ring.resize(one.resize);
            added = added.filter((record) => sizeOf(record) <= ring.limitBytes);
          } else if ('clear' in one) {
            ring.clear();
            added = [];
          } else {
            const record = recordOf({ requestFields: 'x'.repeat(one.add) });
            ring.add(record);
            // One that is larger than the ring is not kept, and drives nobody out.
            if (sizeOf(record) <= ring.limitBytes) added.push(record);
          }
          const kept = [...ring.newestFirst()];
          expect(kept.map(({ id }) => id)).toEqual(
            added
              .slice(added.length - kept.length)
              .map(({ id }) => id)
              .reverse(),
          );
          const sizes = kept.reduce((sum, record) => sum + sizeOf(record), 0);
          expect(ring.bytes).toBe(sizes);
          expect(sizes).toBeLessThanOrEqual(ring.limitBytes);
          if ('resize' in one) added = added.slice(added.length - kept.length);
          // At an end there may be a gap, and whoever makes room drives out whole ones.
          if (added.length > kept.length) expect(sizes).toBeGreaterThan(ring.limitBytes - 2 * LARGEST);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('goes on with what is still there when its size changes meanwhile', () => {
    fc.assert(
      fc.property(
        fc.array(size, { minLength: 20, maxLength: 40 }),
        fc.nat(19),
        fc.nat(9000),
        (sizes, at, limit) => {
          const ring = new Ring(20_000);
          for (const length of sizes) ring.add(recordOf({ requestFields: 'z'.repeat(length) }));
          const all = [...ring.newestFirst()].map(({ id }) => id);
          const told: number[] = [];
          let kept: number[] = all;
          for (const { id } of ring.newestFirst()) {
            if (told.length === at % all.length) {
              ring.resize(limit);
              kept = [...ring.newestFirst()].map((record) => record.id);
            }
            told.push(id);
          }
          expect(told).toEqual(all.filter((id, i) => i <= at % all.length || kept.includes(id)));
        },
      ),
    );
  });

  it('tells what is still there when it is written to meanwhile', () => {
    fc.assert(
      fc.property(fc.array(size, { minLength: 30, maxLength: 60 }), fc.nat(5), (sizes, perLook) => {
        const ring = new Ring(5000);
        const add = (length: number): void => ring.add(recordOf({ requestFields: 'y'.repeat(length) }));
        for (const length of sizes) add(length);
        let last = version + 1;
        for (const { id, requestFields } of ring.newestFirst()) {
          expect(id).toBeLessThan(last);
          expect(requestFields).toMatch(/^y*$/);
          last = id;
          for (let i = 0; i < perLook; i++) add(sizes[i]);
        }
      }),
    );
  });
});

/** A record of one text: 3 + 14 + 13 + 2 doubles and the text. */
function sizeOf({ requestFields }: Record): number {
  return 32 * 8 + Math.ceil(requestFields.length / 8) * 8;
}

const LARGEST = 32 * 8 + 904;
