// What the check of counts says, and how it reads strace and V8's trace.
import { describe, expect, it } from 'vitest';
import { callsIn } from '../../bench/counts/calls.ts';
import type { Counts, RowCounts } from '../../bench/counts/count.ts';
import { abandonedIn } from '../../bench/counts/optimised.ts';
import { type Bounds, judge } from '../../bench/counts/verdict.ts';

const HERE = { node: '26.10.0', machine: 'a processor, linux 6.1' };
const ROW: RowCounts = { bytes: 2500, calls: { read: 2, write: 2, epoll_pwait: 2 }, surviving: 30 };
const BOUNDS: Bounds = { why: 'first', ...HERE, rows: { plain: ROW } };

const counts = (row: Partial<RowCounts>, more: Partial<Counts> = {}): Counts => ({
  rows: { plain: { ...ROW, ...row } },
  warm: { deoptimised: new Map(), disabled: new Map(), requests: 40_000 },
  ...more,
});

describe('the verdict on counts', () => {
  it('is silent while nothing has grown', () => {
    expect(judge(counts({}), BOUNDS, HERE)).toEqual({ grown: [], shrunk: [] });
    expect(judge(counts({ bytes: 2535 }), BOUNDS, HERE).grown).toEqual([]);
  });

  it('names the row, what it was, what it is, and how to take it', () => {
    const [bytes, how] = judge(counts({ bytes: 2600 }), BOUNDS, HERE).grown;
    expect(bytes).toBe("plain: 2600 bytes of V8's heap per request, 2500 before: 100 more");
    expect(how).toContain("npm run counts -- --accept 'why");
    const calls = { ...ROW.calls, write: 3 };
    expect(judge(counts({ calls }), BOUNDS, HERE).grown[0]).toBe('plain: 3 write() per request, 2 before');
  });

  it('gives a connection for each request more room', () => {
    const calls = { ...ROW.calls, accept4: 1 };
    const bounds = { ...BOUNDS, rows: { plain: { ...ROW, calls } } };
    expect(judge(counts({ bytes: 2590, calls }), bounds, HERE).grown).toEqual([]);
    expect(judge(counts({ bytes: 2610, calls }), bounds, HERE).grown[0]).toContain('110 more');
  });

  it('sees what minor collections cannot take any more', () => {
    expect(judge(counts({ surviving: 200 }), BOUNDS, HERE).grown).toEqual([]);
    expect(judge(counts({ surviving: 1500 }), BOUNDS, HERE).grown[0]).toContain(
      'plain: 1500 bytes per request live on until a major collection, 30 before',
    );
  });

  it('sees a call that was not there, and a row without bounds', () => {
    const calls = { ...ROW.calls, fstat: 1 };
    expect(judge(counts({ calls }), BOUNDS, HERE).grown[0]).toBe('plain: 1 fstat() per request, 0 before');
    expect(judge(counts({}), { ...BOUNDS, rows: {} }, HERE).grown[0]).toBe('plain: has no bounds yet');
  });

  it('tells what has become cheaper, without failing', () => {
    const { grown, shrunk } = judge(counts({ bytes: 2000, calls: { read: 2, write: 1 } }), BOUNDS, HERE);
    expect(grown).toEqual([]);
    expect(shrunk).toEqual([
      "plain: 2000 bytes of V8's heap per request, 2500 before",
      'plain: 1 write() per request, 2 before',
      'plain: 0 epoll_pwait() per request, 2 before',
    ]);
  });

  it('looks at reads and writes alone where nobody may trace', () => {
    const untraced = { untraced: 'Operation not permitted' };
    expect(judge(counts({ calls: { read: 2, write: 2 } }, untraced), BOUNDS, HERE).shrunk).toEqual([]);
    const { grown } = judge(counts({ calls: { read: 2, write: 3 } }, untraced), BOUNDS, HERE);
    expect(grown[0]).toContain('3 write()');
  });

  it('says that another Node was used', () => {
    expect(judge(counts({ bytes: 2800 }), BOUNDS, { ...HERE, node: '27.0.0' }).grown.at(-1)).toMatch(
      /^Counted with Node 27\.0\.0, the bounds are of Node 26\.10\.0\./,
    );
  });

  it('is less strict where others have made the bounds', () => {
    const there = { ...HERE, machine: 'another' };
    expect(judge(counts({ bytes: 2740 }), BOUNDS, there).grown).toEqual([]);
    expect(judge(counts({ bytes: 2760 }), BOUNDS, there).grown[0]).toContain('260 more');
  });

  it('does not take what could not be counted', () => {
    expect(judge(counts({ bytes: Number.NaN }), BOUNDS, HERE).grown[0]).toContain(
      'no bytes could be counted',
    );
  });

  it('takes a function or two that V8 optimises anew, not one that it never gets done with or gives up', () => {
    const warm = (deoptimised: [string, number][], disabled: [string, string][] = []): Partial<Counts> => ({
      warm: { requests: 40_000, deoptimised: new Map(deoptimised), disabled: new Map(disabled) },
    });
    const grown = (more: Partial<Counts>): readonly string[] => judge(counts({}, more), BOUNDS, HERE).grown;
    expect(grown(warm([['find: not a Smi', 2]]))).toEqual([]);
    expect(grown(warm([['find: not a Smi', 3]]))[0]).toBe(
      'V8 threw the code of a function away 3 times in 40000 requests after the warm-up: find: not a Smi',
    );
    expect(grown(warm(Array.from({ length: 13 }, (_, i) => [`f${i}: wrong map`, 1])))[0]).toContain(
      'V8 threw code away 13 times',
    );
    expect(grown(warm([], [['find', 'Function is too big to be optimized']]))[0]).toBe(
      'V8 does not optimise find any more: Function is too big to be optimized',
    );
  });
});

it('calls are read from what strace writes, waits for nothing and matters of memory left out', () => {
  const log = `100 epoll_pwait(20, [], 1024, 0, NULL, 8) = 0
100 epoll_pwait(20, [{events=EPOLLIN, data={u32=29, u64=29}}], 1024, 48, NULL, 8) = 1
100 read(29, ""..., 65536)              = 43
101 futex(0x55, FUTEX_WAIT_PRIVATE, 1, NULL <unfinished ...>
100 write(30, ""..., 65 <unfinished ...>
101 <... futex resumed>)                = 0
100 <... write resumed>)                = 65
102 statx(AT_FDCWD, ""..., AT_STATX_SYNC_AS_STAT, STATX_ALL, 0x7f) = -1 ENOENT (No such file or directory)
100 epoll_ctl(20, EPOLL_CTL_ADD, 30, {events=EPOLLIN}) = 0
100 io_uring_enter(21, 1, 0, 0, NULL, 8) = 1
100 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, -1, 0) = 0x7f0000000000
101 +++ exited with 0 +++
`;
  expect(Object.fromEntries(callsIn(log))).toEqual({
    epoll_pwait: 1,
    read: 1,
    write: 1,
    statx: 1,
    epoll_ctl: 2,
  });
});

it("V8's trace tells which functions were thrown away, and which it gave up", () => {
  const from = (name: string, reason: string): string =>
    `[bailout (kind: deopt-eager, reason: ${reason}): begin. deoptimizing 0x1cc45 <JSFunction ${name}(sfi = 0x3b9)>, 0x32 <Code MAGLEV>, opt id 82, bytecode offset 55]\n`;
  const trace = `[marking 0x38 <JSFunction find (sfi = 0x10)> for optimization to MAGLEV, ConcurrencyMode::kConcurrent, reason: hot and stable]
${from('find ', 'wrong map')}${from('find ', 'wrong map')}${from('', 'not a Smi')}${from('loop ', 'prepare for on stack replacement (OSR)')}
[aborted optimizing 0x38 <JSFunction big (sfi = 0x10)> (target TURBOFAN_JS) because: Function is too big to be optimized]
[aborted optimizing 0x38 <JSFunction later (sfi = 0x10)> (target TURBOFAN_JS) because: Bailed out due to dependency change]
[disabled optimization for 0x38 <SharedFunctionInfo never>, reason: Optimization is always disabled]
`;
  const { deoptimised, disabled } = abandonedIn(trace);
  expect(Object.fromEntries(deoptimised)).toEqual({ 'find: wrong map': 2, '(anonymous): not a Smi': 1 });
  expect(Object.fromEntries(disabled)).toEqual({
    big: 'Function is too big to be optimized',
    never: 'Optimization is always disabled',
  });
});
