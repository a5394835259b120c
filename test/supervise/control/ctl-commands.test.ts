// POST /ctl on lbproxy's own socket: the commands of `lbproxy ctl` that XML-RPC has no words for, line by line.
import http from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CtlAnswer } from '../../../src/supervise/control/ctl-protocol.ts';
import { type ControlSite, openSite, tcpPlan } from '../../support/control-site.ts';

let site: ControlSite;
beforeEach(async () => {
  const none = { stdoutLog: null, stderrLog: null };
  site = await openSite(
    [
      { name: 'web1', group: 'web', command: '/bin/cat', startMs: 0, ...none },
      { name: 'web2', group: 'web', command: '/bin/cat', startMs: 0, ...none },
      { name: 'job', command: '/no/such/file', autostart: false, ...none },
    ],
    [{ plan: tcpPlan(), own: false }],
  );
});
afterEach(() => site.close());

function post(
  body: string,
  where: http.RequestOptions = { socketPath: site.url.slice(7) },
): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const request = http.request({ ...where, path: '/ctl', method: 'POST', agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece) => {
        text += piece;
      });
      response.on('end', () => resolve([response.statusCode ?? 0, text]));
    });
    request.on('error', reject);
    request.end(body);
  });
}

async function ctl(command: string, args: object = {}): Promise<readonly CtlAnswer[]> {
  const [status, text] = await post(JSON.stringify({ command, args }));
  expect(status).toBe(200);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

const done = (ok: boolean, text: string): object => ({ done: true, ok, text, data: null });

describe('a command', () => {
  it('tells the status of all, or of some, and what is not there', async () => {
    const [all] = await ctl('status');
    const processes = 'done' in all && all.data?.kind === 'status' ? all.data.processes : [];
    expect(processes.map((p) => [p.namespec, p.state, p.stateCode])).toEqual([
      ['job', 'STOPPED', 0],
      ['web:web1', 'RUNNING', 20],
      ['web:web2', 'RUNNING', 20],
    ]);
    expect(processes[0].description).toBe('Not started');
    expect(processes[1].description).toMatch(/^pid \d+, uptime 0:00:0\d$/);
    const [missing, some] = await ctl('status', { names: ['web:web2', 'nope', 'web:x', 'no:*'] });
    expect(missing).toEqual({
      result: { group: 'nope', name: 'nope', status: 10, description: 'BAD_NAME: nope', problem: null },
    });
    expect(some).toMatchObject({ result: { group: 'web', name: 'x', status: 10 } });
  });

  it('starts and stops what it names', async () => {
    expect(await ctl('stop', { names: ['web:*', 'job'] })).toEqual([
      { result: { name: 'job', group: 'job', status: 70, description: 'NOT_RUNNING: job', problem: null } },
      { result: { name: 'web1', group: 'web', status: 80, description: 'OK', problem: null } },
      { result: { name: 'web2', group: 'web', status: 80, description: 'OK', problem: null } },
      done(false, ''),
    ]);
    expect(await ctl('start', { names: ['web:web1', 'all'], wait: false })).toEqual([
      {
        result: {
          name: 'job',
          group: 'job',
          status: 20,
          description: "NO_FILE: can't find command '/no/such/file'",
          problem: null,
        },
      },
      { result: { name: 'web1', group: 'web', status: 80, description: 'OK', problem: null } },
      { result: { name: 'web2', group: 'web', status: 80, description: 'OK', problem: null } },
      done(false, ''),
    ]);
    expect(await ctl('start', { names: ['web:web1'] })).toMatchObject([
      { result: { status: 60 } },
      { ok: false },
    ]);
    expect(await ctl('start', { names: ['web:*'] })).toEqual([done(true, '')]);
  });

  it('restarts, updates, scales, drains and reopens, telling on the way', async () => {
    expect(await ctl('restart', { names: ['web:*'] })).toEqual([
      { line: 'web1 starts anew' },
      { line: 'web2 starts anew' },
      done(true, '2 restarted'),
    ]);
    expect(await ctl('restart', { names: ['nope'] })).toMatchObject([
      { result: { status: 10 } },
      { ok: false },
    ]);
    expect(await ctl('update', { names: ['web'] })).toEqual([{ line: 'updates web' }, done(true, 'updated')]);
    expect(await ctl('scale', { program: 'web', count: 6 })).toEqual([done(false, 'no room for 6')]);
    expect(await ctl('drain', { names: ['web:web1', 'web:web2'] })).toEqual([done(true, 'web1, web2')]);
    expect(await ctl('undrain', { names: ['web:web1'], wait: false })).toEqual([done(true, 'begun')]);
    expect(await ctl('reopen')).toEqual([done(true, 'reopened')]);
    expect(site.pool.asked).toEqual([
      'scale web 6',
      'drain web1 true',
      'drain web2 true',
      'drain web1 false',
    ]);
  });

  it('tells of lbproxy itself, and does nothing more once it ends', async () => {
    const data = {
      kind: 'info',
      version: '0.0.0',
      pid: process.pid,
      state: 'RUNNING',
      groups: ['job', 'web'],
    };
    expect(await ctl('info')).toMatchObject([{ done: true, ok: true, data }]);
    expect(await ctl('shutdown')).toEqual([done(true, 'lbproxy ends')]);
    expect(await ctl('stop', { names: ['all'] })).toMatchObject([{ ok: false }]);
    expect(await ctl('info')).toMatchObject([{ data: { state: 'SHUTDOWN' } }]);
  });

  const WRONG: readonly (readonly [string, string])[] = [
    ['', 'no JSON'],
    ['null', 'is no {"command"'],
    ['{"command": "dance"}', 'there is no command "dance"'],
    ['{"command": "stop"}', 'stop needs a name'],
    ['{"command": "stop", "args": {"names": "web"}}', 'no list of names'],
    ['{"command": "stop", "args": {"names": [5]}}', 'no list of names'],
    ['{"command": "stop", "args": {"names": ["a"], "wait": 1}}', '"wait" of stop'],
    ['{"command": "stop", "args": null}', 'is no {"command"'],
    ['{"command": "scale", "args": {"program": "web", "count": -1}}', '"scale" needs'],
    ['{"command": "scale", "args": {"program": "web", "count": 1.5}}', '"scale" needs'],
  ];
  it.each(WRONG)('that cannot be read is refused: %s', async (body, why) => {
    const [status, text] = await post(body);
    expect(status).toBe(400);
    expect(text).toContain(why);
  });

  it("is taken on lbproxy's own socket alone", async () => {
    const where = { host: '127.0.0.1', port: site.server.ports()[1] ?? 0 };
    expect((await post('{"command": "info"}', where))[0]).toBe(400);
  });
});
