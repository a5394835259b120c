// What events say, against what Debian's supervisord writes for real programs.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { EventHub } from '../../../src/supervise/events/event-hub.ts';
import { EVENT_TYPES, isEventType, isOf } from '../../../src/supervise/events/event-types.ts';
import type { EventSource } from '../../../src/supervise/events/payloads.ts';
import { CaptureBuffer, TokenScanner } from '../../../src/supervise/logs/capture.ts';
import type { ProcessState } from '../../../src/supervise/state.ts';
import { supervisorVersion } from '../../support/supervisor.ts';
import { eventually } from '../programs.ts';
import { notes, plan, startTheirs } from './listener-hosts.ts';

const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const BEGIN = '<!--XSUPERVISOR:BEGIN-->';
const END = '<!--XSUPERVISOR:END-->';
/** What the program writes, a piece at a time. */
const PIECES: readonly Buffer[] = [
  Buffer.from(`before ${BEGIN}grüße${END} and after, longer than a mark`),
  Buffer.from("it's not text: \xff\t\\ \r\x00 and it is longer than a mark", 'latin1'),
  Buffer.from(`a beginning of a mark <!--XSUP`),
  Buffer.from(`ERVISOR:BEGIN-->cut${END} what follows is longer than a mark`),
  Buffer.from(`${BEGIN}0123456789`.padEnd(60, 'x')),
  Buffer.from(`0123456789${END} what follows is longer than a mark`),
];

/** A piece each time that it is told to: supervisord reads all that there is at once. */
const TALKS = `
import os, sys, time
for i, piece in enumerate(${JSON.stringify(PIECES.map((piece) => piece.toString('hex')))}):
    while not os.path.exists('%s/say-%d' % (sys.argv[1], i)): time.sleep(0.01)
    os.write(1, bytes.fromhex(piece))
    open('%s/said-%d' % (sys.argv[1], i), 'w').close()
time.sleep(60)
`;

// supervisord can sleep a second between an end and its notice of it: with startsecs=1 a program that ended at once is RUNNING at times.
const PROGRAMS = `
[program:talks]
command=/usr/bin/python3 {dir}/talks.py {dir}
stdout_events_enabled=true
stdout_capture_maxbytes=30
startsecs=0
[program:bad]
command=/bin/false
startsecs=3
startretries=1
autostart=false
[program:exits]
command=/bin/sh -c "exit 2"
exitcodes=2
startsecs=0
autorestart=false
autostart=false
`;

type Told = readonly [type: string, payload: string];

/** What the hub tells of the same. */
function ours(): Told[] {
  const told: Told[] = [];
  const hub = new EventHub({ identifier: 'supervisor', log: () => undefined });
  hub.use([
    plan({
      name: 'all',
      events: 'PROCESS_STATE,PROCESS_LOG,PROCESS_COMMUNICATION',
      bufferSize: 100,
      processes: ['all'],
    }),
  ]);
  const run = hub.launched('all', 'all', (bytes) => {
    const text = bytes.toString();
    const [head, ...payload] = text.split('\n');
    told.push([/eventname:(\S+)/.exec(head)?.[1] ?? '', payload.join('\n')]);
    return true;
  });
  const change = (
    name: string,
    from: ProcessState,
    to: ProcessState,
    own: { tries?: number; expected?: boolean } = {},
  ) => {
    hub.processState({ group: name, name, from, to, pid: 1, tries: 0, expected: true, ...own });
    run?.stdout(Buffer.from('RESULT 2\nOKREADY\n'));
  };
  run?.stdout(Buffer.from('READY\n'));
  change('all', 'STARTING', 'RUNNING');
  told.pop();

  change('talks', 'STOPPED', 'STARTING');
  change('talks', 'STARTING', 'RUNNING');
  const from: EventSource = { group: 'talks', name: 'talks', pid: 1 };
  const answered = (act: () => void): void => {
    act();
    run?.stdout(Buffer.from('RESULT 2\nOKREADY\n'));
  };
  const captured = new CaptureBuffer(30);
  const scanner = new TokenScanner(
    (data, isCaptured) => {
      if (isCaptured) captured.push(data);
      answered(() => hub.output(from, 'stdout', data));
    },
    () => {
      const data = captured.take();
      answered(() => hub.communication(from, 'stdout', data));
    },
  );
  for (const piece of PIECES) scanner.push(piece);
  change('bad', 'STOPPED', 'STARTING');
  change('bad', 'STARTING', 'BACKOFF', { tries: 1 });
  change('bad', 'BACKOFF', 'STARTING', { tries: 1 });
  change('bad', 'STARTING', 'BACKOFF', { tries: 2 });
  change('bad', 'BACKOFF', 'FATAL');
  change('exits', 'STOPPED', 'STARTING');
  change('exits', 'STARTING', 'RUNNING');
  change('exits', 'RUNNING', 'EXITED', { expected: true });
  change('talks', 'RUNNING', 'STOPPING');
  change('talks', 'STOPPING', 'STOPPED');
  hub.close();
  return told;
}

const withoutPids = (payload: string): string => payload.replace(/ pid:[1-9]\d*/, ' pid:P');

describe.skipIf(supervisorVersion === '')('payloads', () => {
  it('are those of supervisord, for states, output and communication', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'lbproxy-payloads-'));
    closers.push(() => rmSync(dir, { recursive: true, force: true }));
    writeFileSync(join(dir, 'talks.py'), TALKS);
    const group = {
      name: 'all',
      events: 'PROCESS_STATE,PROCESS_LOG,PROCESS_COMMUNICATION,REMOTE_COMMUNICATION',
      bufferSize: 100,
      processes: ['all'],
    };
    const theirs = await startTheirs([group], dir, PROGRAMS);
    closers.push(theirs.close);
    const heard = (): Told[] =>
      notes(dir, 'all').flatMap(({ headers, payload }): Told[] =>
        headers === undefined || payload === undefined ? [] : [[headers.eventname, payload]],
      );
    const until = (type: string, name: string): Promise<boolean> =>
      eventually(() => heard().some(([t, p]) => t === type && p.includes(`processname:${name} `)), 15_000);
    await until('PROCESS_STATE_RUNNING', 'talks');
    for (const i of PIECES.keys()) {
      writeFileSync(join(dir, `say-${i}`), '');
      await eventually(() => existsSync(join(dir, `said-${i}`)), 15_000);
      await theirs.heard();
    }
    await eventually(
      () => heard().filter(([type]) => type === 'PROCESS_COMMUNICATION_STDOUT').length === 3,
      15_000,
    );
    await eventually(() => heard().at(-1)?.[0] === 'PROCESS_LOG_STDOUT', 15_000);
    await theirs.startProcess('bad');
    await until('PROCESS_STATE_FATAL', 'bad');
    await theirs.startProcess('exits');
    await until('PROCESS_STATE_EXITED', 'exits');
    await theirs.stopProcess('talks', 'talks');
    await until('PROCESS_STATE_STOPPED', 'talks');
    const told = heard().filter(([, payload]) => !payload.startsWith('processname:all '));
    const expected = told.map(([type, payload]) => [type, withoutPids(payload)]);
    expect(ours().map(([type, payload]) => [type, withoutPids(payload)])).toEqual(expected);
    expect(told.filter(([type]) => type === 'PROCESS_COMMUNICATION_STDOUT')).toHaveLength(3);
    expect(
      told.some(([, payload]) => payload.includes('Undecodable: b"it\'s not text: \\xff\\t\\\\ \\r\\x00')),
    ).toBe(true);
  }, 60_000);

  it('come as ticks at the borders of five seconds, twice to who asks twice', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'lbproxy-ticks-'));
    closers.push(() => rmSync(dir, { recursive: true, force: true }));
    const group = { name: 'all', events: 'TICK_5,TICK', bufferSize: 10, processes: ['all'] };
    const theirs = await startTheirs([group], dir);
    closers.push(theirs.close);
    const heard = () => notes(dir, 'all').filter(({ headers }) => headers?.eventname === 'TICK_5');
    await eventually(() => heard().length >= 2, 15_000);
    const bytes: string[] = [];
    const nowS = Number(/when:(\d+)/.exec(heard()[0].payload ?? '')?.[1]);
    const clock = { ms: nowS * 1000 - 40 };
    const real = performance.now();
    const hub = new EventHub({
      identifier: 'supervisor',
      log: () => undefined,
      now: () => clock.ms + performance.now() - real,
    });
    closers.push(() => hub.close());
    hub.use([plan(group)]);
    const run = hub.launched('all', 'all', (data) => bytes.push(data.toString()) > 0);
    run?.stdout(Buffer.from('READY\n'));
    hub.processState({
      group: 'all',
      name: 'all',
      from: 'STARTING',
      to: 'RUNNING',
      pid: 1,
      tries: 0,
      expected: true,
    });
    await eventually(() => bytes.length === 1);
    run?.stdout(Buffer.from('RESULT 2\nOKREADY\n'));
    expect(bytes.map(parsed)).toEqual(
      heard()
        .slice(0, 2)
        .map(({ headers, payload }) => ({ ...headers, payload })),
    );
  }, 30_000);
});

function parsed(bytes: string): Record<string, string> {
  const [head, payload] = bytes.split('\n');
  return {
    ...Object.fromEntries(head.split(' ').map((token) => token.split(':') as [string, string])),
    payload,
  };
}

describe('types', () => {
  it('stand for all below them', () => {
    expect(isOf('PROCESS_STATE_RUNNING', 'PROCESS_STATE')).toBe(true);
    expect(isOf('PROCESS_STATE_RUNNING', 'EVENT')).toBe(true);
    expect(isOf('PROCESS_STATE', 'PROCESS_STATE_RUNNING')).toBe(false);
    expect(isOf('TICK_60', 'TICK_5')).toBe(false);
    expect(EVENT_TYPES.every((type) => isEventType(type) && isOf(type, 'EVENT'))).toBe(true);
    for (const wrong of ['PROCESS_STATE_CHANGE', 'event', '', 'toString', '__proto__'])
      expect(isEventType(wrong) || isOf('TICK_5', wrong)).toBe(false);
  });
});
