// `lbproxy logs` against a running lbproxy: the last lines of all programs, of some, and what they print, over rotation.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LinePrinter } from '../../src/cli/logs/line-printer.ts';
import { lengthOfLines } from '../../src/supervise/logs/length-of-lines.ts';
import { until } from '../support/http-client.ts';
import { type LbproxyProcess, startLbproxy } from '../support/lbproxy-process.ts';
import { MAIN } from '../support/main-file.ts';

const CONFIG = `worker_processes 1; error_log error.log;
program talk { command "sh DIR/talk.sh"; numprocs 2; stdout_logfile DIR/%(process_num)s.log; stderr_logfile DIR/err%(process_num)s.log; }
program count { command "sh DIR/count.sh"; stdout_logfile DIR/count.log; stdout_logfile_maxbytes 1k; stdout_logfile_backups 50; redirect_stderr on; }
program mute { command "sleep 1000"; }
http { server { listen 127.0.0.1:PORT1; } }`;

const FILES = {
  'talk.sh':
    'for i in 1 2 3 4 5; do echo "out $i 日"; echo "err $i" >&2; done; printf "\\033[31mred \\033]0;title\\007"; exec sleep 1000',
  'count.sh': 'i=0; while :; do i=$((i+1)); echo "line $i"; sleep 0.01; done',
};

function logs(lbproxy: LbproxyProcess, ...args: string[]) {
  const child = spawn(process.execPath, [MAIN, 'logs', ...args], {
    cwd: lbproxy.dir,
    env: { ...process.env, XDG_STATE_HOME: join(lbproxy.dir, 'state') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text));
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  const ended = once(child, 'close').then(([status]) => {
    clearTimeout(timer);
    return { status: status as number, ...said };
  });
  return { child, said, ended };
}

describe('lbproxy logs', () => {
  it('prints the last lines with names in front, and follows over rotation', async () => {
    const lbproxy = await startLbproxy(CONFIG, { files: FILES });
    const has = (file: string, text: string): boolean =>
      existsSync(join(lbproxy.dir, file)) && readFileSync(join(lbproxy.dir, file), 'utf8').includes(text);
    const said = (): boolean =>
      ['0', '1'].every((n) => has(`${n}.log`, 'title') && has(`err${n}.log`, 'err 5'));
    await until(() => said() && has('count.log', 'line'), 10_000, 'what programs print');
    const following = logs(lbproxy, '-f', '-n', '1', 'count');
    const all = logs(lbproxy, '-n', '3');
    const some = logs(lbproxy, '--stream', 'stderr', '-n', '1', 'talk_01', 'talk_00');
    const wrong = logs(lbproxy, 'nosuch');
    const mute = logs(lbproxy, 'mute');
    const bad = logs(lbproxy, '-n', 'x');

    const { out, status, err } = await all.ended;
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(out).toMatch(/^count {3}\| line \d+\n/m);
    expect(out).toContain('talk_00 | out 4 日\ntalk_00 | out 5 日\ntalk_00 | \x1b[31mred');
    expect(out).toContain('talk_01 | out 4');
    expect(out).toContain('talk_01 ! err 3\ntalk_01 ! err 4\ntalk_01 ! err 5\n');
    expect(out).not.toContain('out 3');
    expect((await some.ended).out).toBe('talk_01 ! err 5\ntalk_00 ! err 5\n');
    expect(await wrong.ended).toEqual({
      status: 1,
      out: '',
      err: 'lbproxy logs: there is no program or process "nosuch"; there are count, mute, talk\n',
    });
    expect((await mute.ended).err).toContain('mute: no log file of stdout and stderr');
    expect(await bad.ended).toMatchObject({
      status: 2,
      err: expect.stringContaining('-n x: write how many'),
    });

    // A file takes 1 KB, about 110 lines.
    await until(() => following.said.out.split('\n').length > 300, 15_000, 'three files of lines');
    following.child.kill('SIGINT');
    const followed = await following.ended;
    expect(followed.status).toBe(130);
    const numbers = followed.out
      .trimEnd()
      .split('\n')
      .map((line) => Number(/^count \| line (\d+)$/.exec(line)?.[1]));
    const [first] = numbers;
    expect(numbers).toEqual(numbers.map((_, i) => first + i));

    const waiting = logs(lbproxy, '-f', '-n', '1', 'talk');
    await until(() => waiting.said.out !== '', 15_000, 'that it follows');
    lbproxy.signal('SIGTERM');
    expect(await waiting.ended).toMatchObject({
      status: 1,
      err: expect.stringContaining('no lbproxy runs with nginx.conf'),
    });
  });
});

describe('a line of a log', () => {
  const log = { path: '/l', label: 'a', channel: 'stdout', url: '' } as const;

  it('comes whole, in pieces where it does not end, and is shown by a terminal, not obeyed', () => {
    const printer = new LinePrinter(log, 0, { colours: true, isTerminal: true, width: 3 });
    expect(printer.take(Buffer.from([0xe6, 0x97]))).toBe('');
    expect(printer.take(Buffer.from([0xa5, 0x0d, 0x0a]))).toBe('\x1b[36ma   |\x1b[39m 日\n');
    expect(printer.take(Buffer.from('\x1b]0;t\x07\n'))).toBe('\x1b[36ma   |\x1b[39m \\x1b]0;t\\x07\n');
    expect(printer.take(Buffer.from('x'.repeat(70_000)))).toHaveLength(70_000 + 17);
    expect(printer.end()).toBe('');
  });

  it.each([
    ['', 3, 0],
    ['a\nb\nc\n', 0, 0],
    ['a\nb\nc\n', 2, 4],
    ['a\nb\nc', 2, 3],
    ['a\nb\nc\n', 9, 6],
    [`${'x'.repeat(70_000)}\nb\n`, 1, 2],
    [`a\n${'x'.repeat(70_000)}\nb\n`, 2, 70_003],
  ])('%#: of %j', async (text, lines, length) => {
    const bytes = Buffer.from(text);
    const pieces = { read: async (_: string, at: number, n: number) => bytes.subarray(at, at + n) };
    expect(await lengthOfLines(pieces, '', bytes.length, lines)).toBe(length);
  });
});
