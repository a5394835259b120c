// The same command given to Debian's supervisorctl and to `lbproxy ctl`, each against a supervisord of the same configuration: the same
// lines and the same exit status.
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deadPort } from '../../support/upstream.ts';
import { ctl } from './run-ctl.ts';
import {
  hasSupervisor,
  type Run,
  Supervisorctl,
  type Supervisord,
  startSupervisord,
  supervisorctl,
} from './supervisord.ts';

/** With startsecs=1 it is the luck of supervisord's loop, which sleeps up to a second, whether a quick end is seen in time. */
const PROGRAMS = `
[program:cat]
command=cat
[program:web]
command=sh -c 'echo line %(process_num)d; echo oops >&2; exec sleep 1000'
numprocs=2
process_name=%(program_name)s_%(process_num)d
startsecs=0
[program:fatal]
command=sh -c 'echo boom; exit 3'
startsecs=3
startretries=0
[program:missing]
command=/nonexistent/prog
startretries=0
[program:noexec]
command=/etc/passwd
autostart=false
[program:off]
command=sleep 1000
autostart=false
startsecs=0
stdout_logfile=NONE
stderr_logfile=NONE
[program:backoff]
command=sh -c 'exit 1'
startsecs=3
startretries=1000000
[program:out]
command=cat
stdout_logfile={dir}/out.log
[program:starting]
command=sleep 1000
startsecs=3600
[program:once]
command=sh -c 'exit 0'
startsecs=0
autorestart=false
[program:one-with-a-name-that-is-longer-than-thirty-characters]
command=sh -c 'echo grün; exec sleep 1000'
startsecs=0
[program:m1]
command=sleep 1000
startsecs=0
[program:m2]
command=sleep 1000
startsecs=0
[group:mixed]
programs=m1,m2
`;

/** What differs between two runs of the same thing: pids, times, directories, and the place in Python's source. */
function plain(text: string, dir: string): string {
  return (
    text
      .replaceAll(dir, 'DIR')
      .replace(/pid \d+, uptime [\d:]+/g, 'pid N, uptime T')
      .replace(/\w{3} \d\d \d\d:\d\d [AP]M/g, 'TIME')
      .replace(/^[1-9]\d*$/gm, 'PID')
      .replace(/: file: .* line: \d+$/gm, '')
      .replace(/(?:STARTING *|BACKOFF .*)$/gm, 'STARTING or BACKOFF')
      // It ends at once: whether supervisord sees it run before that is chance.
      .replace(/^once: (?:started|ERROR \(abnormal termination\))$/gm, 'once: started, or ended already')
  );
}

describe.skipIf(!hasSupervisor)('lbproxy ctl against a real supervisord', () => {
  let theirs: Supervisord;
  let ours: Supervisord;
  let real: Supervisorctl;

  beforeAll(async () => {
    [theirs, ours] = await Promise.all([startSupervisord(PROGRAMS), startSupervisord(PROGRAMS)]);
    real = new Supervisorctl();
    // Where they stay, with all that they say.
    const wanted = [
      ['status cat', 'RUNNING'],
      ['status fatal', 'FATAL'],
      ['status missing', 'FATAL'],
      ['status once', 'EXITED'],
      ...['web_0', 'web_1'].flatMap((name) => [
        [`tail web:${name}`, 'line'],
        [`tail web:${name} stderr`, 'oops'],
      ]),
      ['tail fatal', 'boom'],
      ['tail one-with-a-name-that-is-longer-than-thirty-characters', 'grün'],
    ];
    for (const { conf } of [theirs, ours])
      for (const [line, text] of wanted)
        for (let i = 0; i < 200; i++) {
          if ((await ctl(['-c', conf, ...line.split(' ')])).stdout.includes(text)) break;
          await sleep(50);
        }
  });
  afterAll(async () => {
    real?.stop();
    await Promise.all([theirs?.stop(), ours?.stop()]);
  });

  async function both(args: readonly string[], input = ''): Promise<readonly [Run, Run]> {
    return await Promise.all([
      supervisorctl(['-c', theirs.conf, ...args], input),
      ctl(['-c', ours.conf, ...args], input),
    ]);
  }

  /** What is stopped or started together comes in the order in which it is done. */
  async function sameLines(line: string): Promise<void> {
    await same(line, (text) => text.split('\n').sort().join('\n'));
  }

  async function same(line: string, ordered = (text: string): string => text): Promise<void> {
    const args = line.split(' ').filter((word) => word !== '');
    for (let i = 0; ; i++) {
      const [expected, got] = await Promise.all([
        real.run(['-c', theirs.conf, ...args]),
        ctl(['-c', ours.conf, ...args]),
      ]);
      const wanted = `${line}\n${ordered(plain(expected.stdout, theirs.dir))}exit ${expected.status}`;
      const text = `${line}\n${ordered(plain(got.stdout, ours.dir))}exit ${got.status}`;
      // A process that was just started is RUNNING, or has ended, a moment earlier in the one than in the other; what is signalled
      // with all others is what runs, and one that ends again and again runs for moments.
      if (text !== wanted && /^(?:status|pid|signal \S+ (?:all|backoff))/.test(line) && i < 50)
        await sleep(100);
      else return expect(text).toBe(wanted);
    }
  }

  const READING = [
    ...[
      'status',
      'status all',
      'status cat',
      'status web',
      'status web:',
      'status web:*',
      'status web:web_0',
    ],
    ...[
      'status web:web_9',
      'status nope',
      'status nope:',
      'status nope:*',
      'status cat nope web:*',
      'status cat cat',
    ],
    ...[
      'status fatal',
      'status off',
      'status starting',
      'status once',
      'status mixed:',
      'status m1',
      'status :',
      'status *',
    ],
    ...['status fatal nope', 'status starting nope', 'status cat:cat', 'status nope all'],
    ...[
      'pid',
      'pid all',
      'pid cat',
      'pid off',
      'pid nope',
      'pid web',
      'pid web:',
      'pid web:*',
      'pid cat nope off',
      'pid off nope',
    ],
    ...[
      'avail',
      'avail x',
      'version',
      'version x',
      'help help',
      'help nope',
      'help EOF',
      'help status foo',

      '?status',
    ],
    ...[
      'foo',
      'foo bar',
      '!ls',
      'status-x',
      'status:x',
      'Status',
      '_',
      'EOF',
      'exit',
      'quit now',
      'help_status',
    ],
    ...[
      'tail',
      'tail cat',
      'tail web:web_0',
      'tail web:web_0 stderr',
      'tail web:web_0 STDERR',
      'tail web:web_0 stdin',
    ],
    ...[
      'tail -3 web:web_0',
      'tail -0 web:web_0',
      'tail --3 web:web_0',
      'tail -+3 web:web_0',
      'tail -1_0 web:web_0',
      'tail -x cat',
    ],
    ...[
      'tail - cat',
      'tail -f',
      'tail -5',
      'tail a b c d',
      'tail -5 a b c',
      'tail -5 web:web_1 stderr',
      'tail nope',
      'tail web:*',
    ],
    ...[
      'tail off',
      'tail off stderr',
      'tail web',
      'tail fatal',
      'tail a b c',
      'tail -99999999999 cat',
      'tail -2147483648 cat',
    ],
    ...[
      "tail cat it's",
      'tail -f nope',
      'tail -f off',
      'tail -f web:',
      'maintail x',
      'maintail -x',
      'maintail a b',
    ],
    ...['tail one-with-a-name-that-is-longer-than-thirty-characters', 'tail -f nöpe'],
    ...[
      'signal',
      'signal HUP',
      'signal NOPE cat',
      'signal CONT nope',
      'signal CONT nope:',
      'signal CONT nope:*',
      'signal CONT off',
    ],
    ...[
      'signal CONT cat',
      'signal SIGCONT web:*',
      'signal 18 web:web_0 cat',
      'signal cont all',
      'signal 999 cat',
      'signal NOPE all',
    ],
    ...[
      'signal NOPE web:*',
      'signal CONT fatal',
      'signal CONT backoff',
      'signal CONT web',
      'signal NOPE nope',
      'signal CONT mixed:m1 m1',
    ],
    ...[
      'start',
      'stop',
      'restart',
      'clear',
      'fg',
      'fg a b',
      'fg nope',
      'fg off',
      'fg web:*',
      'reload x',
      'shutdown now',
      'reread x',
    ],
    ...[
      'start cat',
      'start nope',
      'start nope:*',
      'start web',
      'start fatal',
      'start missing',
      'start noexec',
      'start cat nope noexec',
    ],
    ...[
      'start nope cat',
      'start noexec nope:*',
      'stop nope',
      'stop nope:',
      'stop off',
      'stop off nope',
      'stop fatal',
      'stop web',
    ],
    ...[
      'restart nope',
      'restart nope:*',
      'restart missing',
      'restart noexec',
      'clear nope',
      'clear web:*',
      'clear nope:*',
      'clear off',
    ],
    ...[
      'clear web:web_0',
      'clear cat nope',
      'reread',
      'add',
      'add nope',
      'add cat',
      'add cat nope',
      'remove',
    ],
    ...[
      'remove nope',
      'remove cat',
      'remove cat nope',
      'update',
      'update nope',
      'update all',
      'update cat',
      'update nope all',
    ],
    ...[
      'open',
      'open x',
      'open ftp://x',
      'open localhost:1',
      'open unix:///nonexistent/s.sock',
      'open HTTP://localhost',
    ],
    ...[
      'start --',
      'stop -',
      'help start',
      'help stop',
      'help maintail',
      'help tail',
      'help fg',
      'help open',
      'help exit',
    ],
  ];
  it.each(READING)('%s', (line) => same(line));

  it('lists its commands as supervisorctl does, and then its own', async () => {
    for (const line of ['help', '?']) {
      const [expected, got] = await Promise.all([real.run([line]), ctl([line])]);
      expect(got.stdout.slice(0, expected.stdout.length)).toBe(expected.stdout);
      expect(got.stdout.slice(expected.stdout.length)).toContain('\ndrain  reopen  scale  undrain\n');
    }
  });

  it('changes states as supervisorctl does', async () => {
    for (const line of [
      ...[
        'stop cat',
        'stop cat',
        'status cat',
        'start cat',
        'restart cat',
        'start off',
        'start off',
        'stop off',
      ],
      ...[
        'stop web:web_0',
        'status web:',
        'start web:',
        'stop web:*',
        'start web:*',
        'restart web:*',
        'restart web:web_1 off',
      ],
      ...[
        'start web:* mixed:',
        'stop mixed:m1',
        'restart mixed:',
        'stop mixed:* nope cat',
        'restart cat mixed:*',
        'stop starting',
        // `start all` would wait for it for an hour.
        'remove starting',
      ],
      ...['stop backoff', 'status', 'stop all', 'stop all', 'status', 'start all nope', 'status', 'pid all'],
      ...[
        'stop off',
        'remove off',
        'status off',
        'avail',
        'add off',
        'add off',
        'remove missing',
        'update',
        'avail',
      ],
    ])
      await sameLines(line);
  }, 90_000);

  it('takes over a changed file as supervisorctl does', async () => {
    const changed = PROGRAMS.replace('[program:cat]\ncommand=cat', '[program:cat]\ncommand=cat -u')
      .replace('[program:once]', '[program:twice]')
      .concat('[program:fresh]\ncommand=sleep 99\nstartsecs=0\n');
    for (const one of [theirs, ours]) one.write(changed);
    for (const line of [
      'reread',
      'reread',
      'update fresh',
      'status fresh',

      'update nope',
      'update',
    ])
      await sameLines(line);
    for (const one of [theirs, ours]) one.write('[program:x]\ncommand=sleep 1\nnumprocs=x\n');
    for (const line of ['reread', 'update', 'status cat']) await sameLines(line);
    for (const one of [theirs, ours]) one.write(PROGRAMS);
    for (const line of ['update cat fresh', 'update all', 'status']) await sameLines(line);
  }, 60_000);

  it('takes names that are no ASCII, and clears all logs', async () => {
    const one = await startSupervisord('[program:grün]\ncommand=cat\nstdout_logfile={dir}/grün.log\n');
    try {
      fs.writeFileSync(path.join(one.dir, 'grün.log'), 'line\n');
      for (const line of [
        'tail grün',
        'status grün',
        'tail -f grünn',
        'status',
        'clear grün',
        'tail grün',
        'pid grünn',
      ]) {
        const args = ['-c', one.conf, ...line.split(' ')];
        const [expected, got] = [await real.run(args), await ctl(args)];
        expect([line, plain(got.stdout, ''), got.status]).toEqual([
          line,
          plain(expected.stdout, ''),
          expected.status,
        ]);
      }
      // The real one fails: its server counts characters where bytes are meant.
      expect((await ctl(['-c', one.conf, 'clear', 'all'])).stdout).toBe('grün: cleared\n');
    } finally {
      await one.stop();
    }
  });

  it('says on stderr why a process was not started', async () => {
    const { stderr } = await ctl(['-c', ours.conf, 'start', 'fatal']);
    expect(stderr).toBe(
      'lbproxy ctl: fatal: Exited too quickly (process log may have details); see: lbproxy ctl tail fatal stderr\n',
    );
  });

  it('prints logs as they are', async () => {
    for (const one of [theirs, ours]) {
      fs.writeFileSync(
        path.join(one.dir, 'out.log'),
        `<&> "x" 'y' grün 💡\n${'0123456789'.repeat(400)}\nend`,
      );
    }
    for (const line of ['tail out', 'tail -20 out', 'tail -0 out', 'tail -100000 out', 'tail -4100 out'])
      await same(line);
    const [, maintail] = await both(['maintail', '-200']);
    expect(maintail.stdout).toMatch(/ INFO | WARN /);
    expect(maintail.status).toBe(0);
  });

  it('reads commands from a pipe', async () => {
    for (const input of [
      'status cat\n\n  pid nope\nfoo\nquit\nstatus\n',
      'version',
      '',
      '\n\n',
      'stop off\nshutdown\nn\nreload\n\nversion\nEOF\nversion\n',
      'help version\r\n?fg\n',
    ]) {
      const [expected, got] = await both([], input);
      expect(plain(got.stdout, ours.dir)).toBe(plain(expected.stdout, theirs.dir));
      expect(got.status).toBe(expected.status);
    }
    const [expected, got] = await both(['-i', 'shutdown'], 'n\n');
    expect([got.stdout, got.status]).toEqual([expected.stdout, expected.status]);
  });

  it('refuses options as supervisorctl does', async () => {
    for (const args of [
      ['-x'],
      ['--nope'],
      ['-c'],
      ['-s', 'x', 'status'],
      ['-c', '/nonexistent', 'status'],
      ['--conf'],
      ['-u'],
    ]) {
      const [expected, got] = await Promise.all([real.run(args), ctl(args)]);
      expect([args, got.stderr.split('\n')[0], got.status]).toEqual([
        args,
        expected.stderr.split('\n')[0],
        expected.status,
      ]);
    }
    const nobody = `http://127.0.0.1:${await deadPort()}`;
    for (const args of [
      ['-s', 'unix:///nonexistent', 'status'],
      ['-s', 'unix:///nonexistent', 'pid'],
      ['-s', 'unix:///nonexistent', 'start', 'x'],
      ['-s', 'unix:///nonexistent', 'avail'],
      ['-s', 'unix:///nonexistent', 'update'],
      ['-s', 'unix:///nonexistent', 'reread'],
      ['-s', 'unix:///nonexistent', 'shutdown'],
      ['-s', 'unix:///etc/passwd', 'status'],
      ['-s', 'unix:///etc/passwd', 'shutdown'],
      ['-s', 'unix:///etc/passwd/x', 'status'],
      ['-s', nobody, 'status'],
      ['-s', nobody, 'avail'],
      ['-s', nobody, 'restart', 'x'],
      ['-s', nobody, 'reload'],
      ['-s', nobody, 'tail', 'x'],
      ['-s', 'foo://x', 'status'],
      ['-s', 'foo://x', 'version'],
      ['-s', `unix://${'x'.repeat(200)}`, 'pid'],
    ]) {
      const [expected, got] = await Promise.all([real.run(args), ctl(args)]);
      expect([args, plain(got.stdout, '?'), got.status]).toEqual([
        args,
        plain(expected.stdout, '?'),
        expected.status,
      ]);
    }
  }, 60_000);
});
