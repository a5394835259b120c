// A listener's stdout against Supervisor's own state machine: the same states and results, wherever the bytes are cut.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ListenerProtocol } from '../../../src/supervise/events/listener-protocol.ts';
import { PYTHON, supervisorVersion } from '../../support/supervisor.ts';

/** A piece of stdout, or null for an event that is sent if the listener is ready. */
type Step = Buffer | null;

const token = fc.oneof(
  { weight: 6, arbitrary: fc.constant('READY\n') },
  { weight: 6, arbitrary: fc.constantFrom('RESULT 2\nOK', 'RESULT 4\nFAIL') },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      'RESULT 0\n',
      'RESULT 3\nOK\n',
      'RESULT 1\nO',
      'RESULT 12\nOKOKOKOKOKOK',
      'RESULT 1_0\n0123456789',
      'RESULT _1\n',
      'RESULT 1__0\n',
      'RESULT \t2\r\nOK',
      'RESULT +2\nOK',
      'RESULT -0\n',
      'RESULT 002\nOK',
      'anything2\nOK',
      'RESULT x\n',
      'RESULT\n',
      'RESULT 2 2\n',
      'RESULT 0x2\n',
      'RESULT 2\0\n',
      'RESULT \xb2\n',
      '\n',
      'READY\r\n',
      'ready\n',
    ),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 12 }) },
);

/** Words of the protocol in a row, cut anywhere, with events sent in between. */
const scenario: fc.Arbitrary<Step[]> = fc
  .tuple(
    fc.array(token, { maxLength: 8 }),
    fc.array(fc.nat(120), { maxLength: 10 }),
    fc.array(fc.nat(20), { maxLength: 8 }),
    fc.array(fc.nat(12), { maxLength: 8 }),
  )
  .map(([tokens, cuts, events, joined]) => {
    const bytes = Buffer.from(`READY\n${tokens.join('')}`, 'latin1');
    // After a READY that ends a token, mostly: an event in the middle of one is rare.
    const ends = [...bytes.toString('latin1').matchAll(/\n|OK|FAIL/g)]
      .map((m) => m.index + m[0].length)
      .filter((_, i) => i === 0 || !joined.includes(i));
    const at = [...new Set([...cuts, ...ends].map((n) => Math.min(n, bytes.length)))].sort((a, b) => a - b);
    const steps: Step[] = [];
    let from = 0;
    for (const [i, to] of [...at, bytes.length].entries()) {
      if (to > from) steps.push(bytes.subarray(from, to));
      from = to;
      if (!events.includes(i)) steps.push(null);
    }
    return steps;
  });

function play(steps: readonly Step[]): (readonly [string, string | null])[] {
  const protocol = new ListenerProtocol();
  return steps.map((step) => {
    if (step !== null) {
      const { result } = protocol.take(step);
      return [protocol.state, result] as const;
    }
    if (protocol.state === 'READY') protocol.sent();
    return [protocol.state, null] as const;
  });
}

describe.skipIf(supervisorVersion === '')('a listener as Supervisor understands it', () => {
  it('has the same state after each piece of output', () => {
    const scenarios = fc.sample(scenario, { numRuns: 1500, seed: 4205 });
    const script = fileURLToPath(new URL('./dispatcher.py', import.meta.url));
    const input = JSON.stringify(
      scenarios.map((steps) => steps.map((step) => step?.toString('hex') ?? null)),
    );
    const { stdout, stderr } = spawnSync(PYTHON, [script], {
      input,
      encoding: 'utf8',
      timeout: 20_000,
      maxBuffer: 1 << 26,
    });
    expect(stderr).toBe('');
    const theirs = JSON.parse(stdout) as (readonly [string, string | null])[][];
    const reached = new Set<string>();
    for (const [i, steps] of scenarios.entries()) {
      expect(play(steps), JSON.stringify(steps.map((step) => step?.toString('latin1') ?? null))).toEqual(
        theirs[i],
      );
      for (const [state, result] of theirs[i]) reached.add(`${state} ${result}`);
    }
    // The scenarios went everywhere.
    expect([...reached].sort()).toEqual([
      'ACKNOWLEDGED null',
      'ACKNOWLEDGED processed',
      'ACKNOWLEDGED rejected',
      'BUSY null',
      'READY null',
      'READY processed',
      'READY rejected',
      'UNKNOWN null',
      'UNKNOWN processed',
      'UNKNOWN rejected',
    ]);
  });
});

describe('a listener', () => {
  it('says the same however its output is cut', () => {
    fc.assert(
      fc.property(fc.array(token, { maxLength: 6 }), fc.array(fc.nat(80)), (tokens, cuts) => {
        const bytes = Buffer.from(tokens.join(''), 'latin1');
        const whole = busy();
        const cut = busy();
        whole.take(bytes);
        const at = [0, ...cuts, bytes.length].map((n) => Math.min(n, bytes.length)).sort((a, b) => a - b);
        for (let i = 1; i < at.length; i++) cut.take(bytes.subarray(at[i - 1], at[i]));
        expect(cut.state).toBe(whole.state);
      }),
      { seed: 4205 },
    );
  });

  it('keeps little of a result line without end, and of a result of any length', () => {
    const endless = busy();
    for (let i = 0; i < 4; i++) expect(endless.take(Buffer.alloc(1000, 'x')).result).toBeNull();
    const heard = endless.take(Buffer.alloc(1000, 'x'));
    expect(heard.result).toBe('rejected');
    expect(heard.violation).toContain('bad result line');
    expect(endless.state).toBe('UNKNOWN');

    const long = busy();
    long.take(Buffer.from('RESULT 300000000\n'));
    const before = process.memoryUsage().arrayBuffers;
    const chunk = Buffer.alloc(1_000_000);
    for (let i = 0; i < 299; i++) long.take(chunk);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50_000_000);
    expect(long.state).toBe('BUSY');
    expect(long.take(chunk).result).toBe('rejected');
  });

  it('takes no negative length, over which Supervisor falls', () => {
    const negative = busy();
    expect(negative.take(Buffer.from('RESULT -1\nabc')).result).toBe('rejected');
    expect(negative.state).toBe('UNKNOWN');
  });

  it('does not keep the chunk that it was lent', () => {
    const lent = busy();
    const chunk = Buffer.from('RESULT 2\nOKREA');
    lent.take(chunk);
    chunk.fill(0);
    lent.take(Buffer.from('DY\n'));
    expect(lent.state).toBe('READY');
  });
});

function busy(): ListenerProtocol {
  const protocol = new ListenerProtocol();
  protocol.take(Buffer.from('READY\n'));
  protocol.sent();
  return protocol;
}
