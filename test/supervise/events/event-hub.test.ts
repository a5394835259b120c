// The hub where supervisord cannot be asked: what it costs when nobody listens, slow readers, changes of the plan.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { EventHub } from '../../../src/supervise/events/event-hub.ts';
import type { ListenerRun, SendBytes } from '../../../src/supervise/events/listener-pool.ts';
import { eventually } from '../programs.ts';
import { type ListenerGroup, plan } from './listener-hosts.ts';

let log: string[] = [];
let hub: EventHub | undefined;

afterEach(() => {
  hub?.close();
  vi.useRealTimers();
});

function open(...groups: readonly ListenerGroup[]): EventHub {
  log = [];
  hub = new EventHub({ identifier: 'here', log: (level, text) => log.push(`${level} ${text}`) });
  hub.use(groups.map(plan));
  return hub;
}

function group(own: Partial<ListenerGroup> = {}): ListenerGroup {
  return { name: 'pool', events: 'EVENT', bufferSize: 10, processes: ['a'], ...own };
}

/** A process that is RUNNING and said READY. What it is sent goes to `got`. */
function ready(
  at: EventHub,
  name = 'a',
  send?: SendBytes,
): { readonly run: ListenerRun; readonly got: string[] } {
  const got: string[] = [];
  const run = at.launched('pool', name, send ?? ((bytes) => got.push(bytes.toString()) > 0));
  if (run === undefined) throw new Error(`no ${name}`);
  run.stdout(Buffer.from('READY\n'));
  running(at, name, true);
  return { run, got };
}

/** Its own changes of state are events too, unless the pool asks for others. */
function running(at: EventHub, name: string, is: boolean): void {
  const [from, to] = is ? (['STARTING', 'RUNNING'] as const) : (['RUNNING', 'STOPPING'] as const);
  at.processState({ group: 'pool', name, from, to, pid: 7, tries: 0, expected: true });
}

const OK = Buffer.from('RESULT 2\nOKREADY\n');
const REMOTE = group({ events: 'REMOTE_COMMUNICATION' });

describe('the hub', () => {
  it('makes no event and arms no timer while nobody listens to it', () => {
    vi.useFakeTimers();
    const at = open(REMOTE);
    expect(vi.getTimerCount()).toBe(0);
    expect([at.wants('REMOTE_COMMUNICATION'), at.wants('TICK_5'), at.wants('PROCESS_LOG_STDOUT')]).toEqual([
      true,
      false,
      false,
    ]);
    at.use([plan(group({ events: 'TICK_60' }))]);
    expect(vi.getTimerCount()).toBe(1);
    expect(at.wants('REMOTE_COMMUNICATION')).toBe(false);
    at.use([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ticks at the borders of the wall clock, the shorter first, each once', () => {
    vi.useFakeTimers({ now: 1_700_000_000_000 - 3000, toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    const at = open(group({ events: 'TICK', bufferSize: 1000 }));
    const told: string[] = [];
    const { run } = ready(at, 'a', (bytes) => {
      const [, type, when] = /eventname:(\S+) len:\d+\nwhen:(\d+)/.exec(bytes.toString()) ?? [];
      told.push(`${type} ${Number(when) - 1_700_000_000}`);
      queueMicrotask(() => run.stdout(OK));
      return true;
    });
    return vi.advanceTimersByTimeAsync(43_000).then(() => {
      // 1,700,000,000 is 20 s after a minute and 800 s after an hour.
      expect(told).toEqual([
        ...[0, 5, 10, 15, 20, 25, 30, 35].map((s) => `TICK_5 ${s}`),
        'TICK_5 40',
        'TICK_60 40',
      ]);
    });
  });

  it('follows the clock when it is set', () => {
    vi.useFakeTimers({ now: 1_700_000_000_000, toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    const at = open(group({ events: 'TICK_3600' }));
    const { got } = ready(at);
    vi.setSystemTime(1_700_000_000_000 + 7_200_000);
    vi.advanceTimersByTime(5000);
    expect(got).toHaveLength(1);
    expect(got[0]).toContain('eventname:TICK_3600 len:15\nwhen:1700006400');
  });

  it('sends nothing before the process is RUNNING, nor while it stops', () => {
    const at = open(REMOTE);
    const { run, got } = ready(at);
    running(at, 'a', false);
    at.remote('x', '1');
    expect(got).toEqual([]);
    running(at, 'a', true);
    at.remote('x', '2');
    expect(got).toEqual([
      'ver:3.0 server:here serial:0 pool:pool poolserial:0 eventname:REMOTE_COMMUNICATION len:8\ntype:x\n1',
    ]);
    run.stdout(OK);
    expect(got[1]).toMatch(/serial:1 .*poolserial:1/);
  });

  it('gives a process nothing more before it has read what it was sent', async () => {
    const at = open(REMOTE);
    const written: (() => void)[] = [];
    const sent: string[] = [];
    const { run } = ready(at, 'a', (bytes) => {
      sent.push(bytes.toString());
      return new Promise<void>((resolve) => written.push(resolve));
    });
    for (let i = 0; i < 30; i++) at.remote('x', String(i));
    run.stdout(OK);
    run.stdout(Buffer.from(''));
    expect(sent).toHaveLength(1);
    expect(log.filter((line) => line.includes('overflowed'))).toHaveLength(19);
    written[0]();
    await eventually(() => sent.length === 2);
    expect(sent[1]).toContain('\n20');
  });

  it('passes by a process whose stdin is closed, and sends what it had once it has ended', async () => {
    const at = open({ ...REMOTE, processes: ['a', 'b', 'c'] });
    const refusing = ready(at, 'a', () => false);
    const failing = ready(at, 'b', () => Promise.reject(new Error('EPIPE')));
    at.remote('x', '1');
    await new Promise((resolve) => setImmediate(resolve));
    failing.run.stdout(Buffer.from('RESULT 4\nFAIL'));
    failing.run.stdout(Buffer.from('READY\n'));
    at.remote('x', '2');
    const { run, got } = ready(at, 'c');
    at.remote('x', '3');
    expect(got.map((text) => text.at(-1))).toEqual(['1']);
    for (let i = 0; i < 3; i++) run.stdout(OK);
    expect(got.map((text) => text.at(-1))).toEqual(['1', '2', '3']);
    refusing.run.ended();
    failing.run.ended();
    failing.run.ended();
    expect(got).toHaveLength(3);
  });

  it('hears nothing of a launch before the last', () => {
    const at = open(REMOTE);
    const old = ready(at);
    at.remote('x', '1');
    expect(old.got).toHaveLength(1);
    const fresh = ready(at);
    expect(fresh.got).toEqual(old.got);
    old.run.stdout(OK);
    old.run.ended();
    at.remote('x', '2');
    expect(fresh.got).toHaveLength(1);
    fresh.run.stdout(OK);
    expect(fresh.got).toHaveLength(2);
  });

  it('keeps what waits, and the numbers, when the plan changes; drops what has no room', () => {
    const at = open(REMOTE);
    for (let i = 0; i < 5; i++) at.remote('x', String(i));
    at.use([plan({ ...REMOTE, bufferSize: 2, processes: ['a', 'b'] }), plan(group({ name: 'other' }))]);
    expect(log).toHaveLength(3);
    expect(log[0]).toBe(
      'error pool pool event buffer overflowed, discarding event 0; raise buffer_size (it is 2), or let more processes listen (numprocs)',
    );
    const { got } = ready(at, 'b');
    expect(got[0]).toMatch(/serial:3 .*poolserial:3 /);
    expect(at.launched('pool', 'z', () => true)).toBeUndefined();
    expect(at.launched('none', 'a', () => true)).toBeUndefined();
    at.use([]);
    at.remote('x', 'nobody');
    expect(got).toHaveLength(1);
  });

  it('discards the oldest for an event that comes back to a full buffer', () => {
    const at = open({ ...REMOTE, bufferSize: 2 });
    const { run, got } = ready(at);
    for (let i = 0; i < 3; i++) at.remote('x', String(i));
    run.stdout(Buffer.from('RESULT 4\nFAIL'));
    expect(log.at(-1)).toContain('discarding event 1;');
    run.stdout(Buffer.from('READY\n'));
    run.stdout(OK);
    expect(got.map((text) => text.at(-1))).toEqual(['0', '0', '2']);
  });
});
