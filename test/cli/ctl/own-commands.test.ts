// What `lbproxy ctl` does beyond supervisorctl, against a stand-in of lbproxy's own socket.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Surroundings } from '../../../src/cli/ctl/find-server.ts';
import type { CtlResult } from '../../../src/supervise/control/ctl-protocol.ts';
import { cpuWatch, leastCpuMs } from '../../support/cpu-time.ts';
import { processView, type StandIn, startStandIn } from './pool-stand-in.ts';
import { ctl as run } from './run-ctl.ts';

const DONE = { done: true, ok: true, text: '', data: null } as const;

let pool: StandIn;
beforeEach(async () => {
  pool = await startStandIn([1, 2].map((n) => processView(n)));
});
afterEach(() => pool.stop());

const ctl = (line: string, input = '') => run(['-s', pool.url, ...line.split(' ')], input);

function result(more: Partial<CtlResult>): { readonly result: CtlResult } {
  return { result: { group: 'web', name: 'web1', status: 80, description: 'OK', problem: null, ...more } };
}

describe('status', () => {
  it('--wide adds what only lbproxy knows, aligned', async () => {
    pool.processes = [
      processView(1, { inFlight: 12, restarts: 3 }),
      processView(2, { ready: false, inFlight: null, state: 'STARTING', stateCode: 10, description: '' }),
      processView(3, { group: 'mailer', name: 'mailer', port: null, inFlight: null }),
    ];
    const { stdout, status } = await ctl('status --wide');
    expect(stdout.split('\n')).toEqual([
      'NAME      STATE     PORT  READY  IN-FLIGHT  RESTARTS  DESCRIPTION',
      'web:web1  RUNNING   8001  yes    12         3         pid 1001, uptime 0:00:01',
      'web:web2  STARTING  8002  no     -          0',
      'mailer    RUNNING   -     yes    -          0         pid 1003, uptime 0:00:03',
      '',
    ]);
    expect(status).toBe(0);
  });

  it('--json is one document, and has the errors', async () => {
    const { stdout, status } = await ctl('status --json web:web2 nope');
    expect(JSON.parse(stdout)).toEqual({
      processes: [
        {
          name: 'web:web2',
          group: 'web',
          process: 'web2',
          state: 'RUNNING',
          description: 'pid 1002, uptime 0:00:02',
          pid: 1002,
          uptimeSeconds: 60,
          startedAt: '2023-11-14T22:13:20.000Z',
          stoppedAt: null,
          exitStatus: null,
          problem: null,
          stdoutLog: '/logs/web2.log',
          stderrLog: null,
          port: 8002,
          ready: true,
          inFlight: 0,
          restarts: 0,
        },
      ],
      errors: ['nope: ERROR (no such process)'],
    });
    expect(status).toBe(4);
  });

  it('--json stays one document when there is no server', async () => {
    const { stdout, stderr, status } = await run(['-s', 'unix:///nonexistent.sock', '--json', 'status']);
    expect(JSON.parse(stdout)).toEqual({ output: ['unix:///nonexistent.sock no such file'], exitStatus: 4 });
    expect(stderr).toContain('nobody listens at');
    expect(status).toBe(4);
  });

  it('--wait waits until nothing is STARTING, within the limit', async () => {
    pool.processes = [processView(1, { state: 'STARTING', stateCode: 10, description: '' })];
    setTimeout(() => {
      pool.processes = [processView(1)];
    }, 300);
    expect((await ctl('status --wait')).stdout).toContain('RUNNING');
    pool.processes = [processView(1, { state: 'STARTING', stateCode: 10, description: '' })];
    const started = Date.now();
    expect((await ctl('status --wait --timeout 0.3')).stdout).toContain('STARTING');
    expect(Date.now() - started).toBeLessThan(5000);
  });

  it('shows 500 processes at once', async () => {
    pool.processes = Array.from({ length: 500 }, (_, n) => processView(n));
    await ctl('status');
    const show = async (): Promise<number> => {
      const spentMs = cpuWatch();
      const { stdout } = await ctl('status');
      const tookMs = spentMs();
      expect(stdout.split('\n')).toHaveLength(501);
      return tookMs;
    };
    expect(await leastCpuMs(show, 200)).toBeLessThan(200);
  });
});

describe('commands of lbproxy', () => {
  it('restart rolls, and tells each step as it comes', async () => {
    pool.answers = [
      { line: 'web:web1: stopped' },
      { line: 'web:web1: started' },
      { ...DONE, text: 'web.conf was changed' },
    ];
    const { stdout, status } = await ctl('restart web:*');
    expect(stdout).toBe('web:web1: stopped\nweb:web1: started\nweb.conf was changed\n');
    expect(status).toBe(0);
    expect(pool.asked).toEqual([{ command: 'restart', args: { names: ['web:*'], wait: true } }]);
  });

  it('tells what failed in the words of supervisorctl, and why on stderr', async () => {
    pool.answers = [
      result({ name: 'nope', group: 'nope', status: 10, description: 'BAD_NAME: nope' }),
      result({ name: '', group: 'none', status: 10, description: 'BAD_NAME: none' }),
      result({
        status: 50,
        description: 'SPAWN_ERROR: web:web1',
        problem: 'port 8001 is taken by nginx (pid 7)',
      }),
      result({ name: 'web2', status: 70, description: 'NOT_RUNNING: web:web2' }),
      result({ name: 'web3', status: 6, description: 'SHUTDOWN_STATE' }),
      { ...DONE, ok: false, text: 'there is no such process' },
    ];
    const { stdout, stderr, status } = await ctl('restart nope none:* web:web1');
    expect(stdout).toBe(
      [
        'nope: ERROR (no such process)',
        'none: ERROR (no such group)',
        'web:web1: ERROR (spawn error)',
        'web:web2: ERROR (not running)',
        'web:web3: ERROR (SHUTDOWN_STATE)',
        '',
      ].join('\n'),
    );
    expect(stderr).toContain('web:web1: port 8001 is taken by nginx (pid 7)');
    expect(status).toBe(1);
  });

  it('update, scale, drain, undrain and reopen ask for what was typed', async () => {
    pool.answers = [DONE];
    for (const line of [
      'update',
      'update all',
      'update web',
      'scale web 6',
      'drain web:web1 --no-wait',
      'undrain web:*',
      'reopen',
    ])
      expect([line, (await ctl(line)).status]).toEqual([line, 0]);
    expect(pool.asked).toEqual([
      { command: 'update', args: { names: [], wait: true } },
      { command: 'update', args: { names: [], wait: true } },
      { command: 'update', args: { names: ['web'], wait: true } },
      { command: 'scale', args: { program: 'web', count: 6, wait: true } },
      { command: 'drain', args: { names: ['web:web1'], wait: false } },
      { command: 'undrain', args: { names: ['web:*'], wait: true } },
      { command: 'reopen', args: {} },
    ]);
  });

  it('say what was done where the server has nothing to say', async () => {
    pool.answers = [DONE];
    expect((await ctl('scale web 6')).stdout).toBe('web: scaled to 6\n');
    expect((await ctl('drain web:web1 web:web2')).stdout).toBe('web:web1: drained\nweb:web2: drained\n');
    expect((await ctl('undrain web:*')).stdout).toBe('web:*: undrained\n');
    expect((await ctl('update')).stdout).toBe('');
  });

  it('refuse what cannot be meant', async () => {
    for (const line of [
      'scale',
      'scale web',
      'scale web six',
      'scale web 1 2',
      'scale web -1',
      'drain',
      'undrain',
      'reopen x',
    ])
      expect([line, (await ctl(line)).status]).toEqual([line, 1]);
    expect((await ctl('status --timeout soon')).status).toBe(2);
    expect(pool.asked).toEqual([]);
  });

  it('fail where the server says so, or breaks off', async () => {
    pool.answers = [
      { ...DONE, ok: false, text: 'web:web1 was not ready within 30 s; 3 processes were left as they are' },
    ];
    const failed = await ctl('restart web:*');
    expect(failed.stdout).toBe(
      'ERROR: web:web1 was not ready within 30 s; 3 processes were left as they are\n',
    );
    expect(failed.status).toBe(1);
    pool.answers = [{ line: 'web:web1: stopped' }];
    const broken = await ctl('restart web:*');
    expect(broken.stdout).toContain('the server broke off before it was done');
    expect(broken.status).toBe(1);
  });
});

describe('the server is found', () => {
  const dirs: string[] = [];
  afterEach(() => {
    for (const dir of dirs.splice(0)) fs.rmSync(dir, { recursive: true, force: true });
  });
  function file(name: string, text: string): string {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lbproxy-ctl-'));
    dirs.push(dir);
    fs.writeFileSync(path.join(dir, name), text);
    return path.join(dir, name);
  }
  const around = (socket: string | null, ownConfig?: string): Surroundings => ({
    ownConfig: () => ownConfig,
    controlSocketOf: () => Promise.resolve(socket),
  });

  it('by lbproxy’s own configuration, given or found here', async () => {
    const conf = file('upstreams.json', '{}');
    expect((await run(['-c', conf, 'status'], '', around(pool.socket))).stdout).toContain('web:web1');
    expect((await run(['status'], '', around(pool.socket, conf))).stdout).toContain('web:web1');
  });

  it('says which file was looked at when nothing runs with it', async () => {
    const conf = file('nginx.conf', 'events {}');
    const { stdout, stderr, status } = await run(['-c', conf, 'status'], '', around('/nonexistent/s.sock'));
    expect(stdout).toBe('unix:///nonexistent/s.sock no such file\n');
    expect(stderr).toBe(`lbproxy ctl: no lbproxy runs with ${conf}; start it with: lbproxy -c ${conf}\n`);
    expect(status).toBe(4);
  });

  it('by a supervisord.conf: lbproxy’s socket where it answers, else what the file says', async () => {
    const conf = file('supervisord.conf', `; mine\n\n[supervisorctl]\nserverurl = ${pool.url} ; here\n`);
    for (const socket of [pool.socket, '/nonexistent/s.sock', null])
      expect((await run(['-c', conf, 'status'], '', around(socket))).stdout).toContain('web:web1');
    const bare = file('supervisord.conf', `[unix_http_server]\nfile=${pool.socket}\n`);
    expect((await run(['-c', bare, 'status'], '', around(null))).stdout).toContain('web:web1');
    const fragment = file('web.conf', '[program:web]\ncommand=cat\n');
    expect((await run(['-c', fragment, 'status'], '', around(pool.socket))).stdout).toContain('web:web1');
    expect((await run(['-c', fragment, 'status'], '', around(null))).status).toBe(2);
  });

  it('refuses a file with a mistake, with its place', async () => {
    const conf = file('supervisord.conf', '[supervisorctl]\nserverurl=unix://%(nope)s\n');
    const { stderr, status } = await run(['-c', conf, 'status']);
    expect(stderr).toContain(`${conf}:2:1: supervisorctl.serverurl: %(nope) is not known`);
    expect(status).toBe(2);
  });
});
