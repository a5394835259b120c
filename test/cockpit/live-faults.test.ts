// Faults that are set while lbproxy runs: all acceptors put them into answers, also one that starts later, until they are taken away or
// the configuration is read anew.
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { get } from '../support/http-client.ts';
import { type LbproxyProcess, startLbproxy } from '../support/lbproxy-process.ts';

const config = (inspector: string): string =>
  `worker_processes 2; state_path DIR/state; live_view 127.0.0.1:PORT2; ${inspector}
http { access_log off;
  server { listen 127.0.0.1:PORT1; server_name one; add_header X-Pid $pid always;
    location /a { empty_gif; } location ~ ^/b { fault_abort 500; empty_gif; } location /c { empty_gif; error_detail on; }
    location /r { return 200 0123456789; } }
  server { listen 127.0.0.1:PORT3; server_name other; return 200 other; location /y { empty_gif; } } }`;

interface Told {
  readonly status: number;
  readonly ok?: boolean;
  readonly text?: string;
  readonly problem?: string;
  readonly faults?: readonly unknown[];
}

function call(lbproxy: LbproxyProcess, path: string, body?: unknown): Promise<Told> {
  const token = readFileSync(join(lbproxy.dir, 'state/live-view.token'), 'utf8').trim();
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const method = body === undefined ? 'GET' : 'POST';
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: lbproxy.ports[1], path, method, headers, agent: false };
    const sent = request(options, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (piece) => {
        text += piece;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, ...JSON.parse(text) }));
      answer.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** What each acceptor answers, all the same each time; asks until two others than this one have. */
async function answers(port: number, path: string, without = ''): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  const none = { status: 0, headers: { 'x-pid': '' } };
  // One that has to start takes its time.
  const end = performance.now() + 20_000;
  while (found.size < 2 && performance.now() < end) {
    // Several at once: one acceptor alone could take all that come one by one.
    const crowd = Array.from({ length: 16 }, () => get(port, path).catch(() => none));
    for (const { status, headers } of await Promise.all(crowd)) {
      const pid = String(headers['x-pid']);
      if (pid === '' || pid === without) continue;
      expect(found.get(pid) ?? status).toBe(status);
      found.set(pid, status);
    }
  }
  expect(found.size).toBe(2);
  return found;
}

describe('faults by the live view', () => {
  it('hit in all acceptors, and in one that starts later, until the next reload', async () => {
    const lbproxy = await startLbproxy(config('inspector 1m;'), { dirs: ['state'] });
    const [port] = lbproxy.ports;
    const place = { server: 'one', location: '/a' };
    expect(await call(lbproxy, '/api/faults')).toEqual({ status: 200, faults: [] });
    expect([...(await answers(port, '/a')).values()]).toEqual([200, 200]);

    const set = await call(lbproxy, '/api/faults', { ...place, kind: 'abort', value: '503' });
    expect(set).toEqual({
      status: 200,
      ok: true,
      text: expect.stringContaining('fault_abort of one /a is 503'),
    });
    const hit = await answers(port, '/a');
    expect([...hit.values()]).toEqual([503, 503]);
    // One of its kind takes the place of the first; others stand beside it. Other locations have nothing of it.
    await call(lbproxy, '/api/faults', { ...place, kind: 'abort', value: '504', share: '100%' });
    await call(lbproxy, '/api/faults', { ...place, kind: 'delay', value: '1ms 3ms' });
    expect([...(await answers(port, '/a')).values()]).toEqual([504, 504]);
    expect((await get(port, '/b')).status).toBe(500);
    expect((await call(lbproxy, '/api/faults')).faults).toEqual([
      { ...place, kind: 'abort', value: '504', share: 1, low: 504, high: 504 },
      { ...place, kind: 'delay', value: '1ms 3ms', share: 1, low: 1, high: 3 },
    ]);

    const [dead] = hit.keys();
    process.kill(Number(dead), 'SIGKILL');
    expect([...(await answers(port, '/a', dead)).values()]).toEqual([504, 504]);

    // Before those of the configuration.
    await call(lbproxy, '/api/faults', { server: 'one', location: '~ ^/b', kind: 'abort', value: '502' });
    expect((await get(port, '/b')).status).toBe(502);

    // Bodies, too; and where it may be told it is.
    await call(lbproxy, '/api/faults', { server: 'one', location: '/c', kind: 'cut', value: '10' });
    await expect(get(port, '/c')).rejects.toThrow();
    await call(lbproxy, '/api/faults', { server: 'one', location: '/c', kind: 'cut', value: 'off' });
    await call(lbproxy, '/api/faults', { server: 'one', location: '/c', kind: 'rate', value: '1m' });
    const { headers } = await get(port, '/c');
    expect(headers['x-lbproxy-fault']).toBe('rate 1048576');

    // What "return" answers is there before; it is said.
    const returned = { server: 'one', location: '/r' };
    const aborted = await call(lbproxy, '/api/faults', { ...returned, kind: 'abort', value: '503' });
    expect(aborted.text).toMatch(/next reload; but this location answers by "return", .*is not hit/);
    expect((await get(port, '/r')).status).toBe(200);
    const all = { server: 'other', location: '/y', kind: 'abort', value: '503' };
    expect((await call(lbproxy, '/api/faults', all)).text).toContain('but the server answers by "return"');
    expect((await get(lbproxy.ports[2], '/y')).status).toBe(200);
    const cut = await call(lbproxy, '/api/faults', { ...returned, kind: 'cut', value: '4' });
    expect(cut.text).toMatch(/next reload$/);
    await expect(get(port, '/r')).rejects.toThrow();

    await call(lbproxy, '/api/faults', { ...place, kind: 'abort', value: 'off' });
    expect([...(await answers(port, '/a')).values()]).toEqual([200, 200]);

    expect(await call(lbproxy, '/api/reload', {})).toMatchObject({ ok: true });
    expect((await call(lbproxy, '/api/faults')).faults).toEqual([]);
    expect((await get(port, '/b')).status).toBe(500);
    expect((await get(port, '/c')).headers).not.toHaveProperty('x-lbproxy-fault');
  });

  it('say what is wrong with a wish', async () => {
    const lbproxy = await startLbproxy(config('inspector 1m;'), { dirs: ['state'] });
    const right = { server: 'one', location: '/a', kind: 'abort', value: '503', share: '10%' };
    const wrong: readonly (readonly [Record<string, unknown>, number, RegExp])[] = [
      [{ kind: 'explode' }, 400, /"explode" is none of delay, abort, cut, rate/],
      [{ kind: 7 }, 400, /"kind" is missing, or no text/],
      [{ value: '200' }, 400, /"200" is neither a status from 400 to 599 nor "reset"/],
      [{ kind: 'delay', value: '2s 1s' }, 400, /swap them/],
      [{ kind: 'rate', value: '' }, 400, /"" is not a number of bytes a second/],
      [{ value: '503 share=1%' }, 400, /one word too many/],
      [{ share: '0%' }, 400, /the share "0%"/],
      [{ share: 10 }, 400, /"share" is a text such as "10%"/],
      [{ server: 'two' }, 200, /there is no server two/],
      [{ location: '/none' }, 200, /there is no location \/none in one/],
    ];
    for (const [change, status, why] of wrong) {
      const told = await call(lbproxy, '/api/faults', { ...right, ...change });
      expect([change, told.status, told.ok ?? false, told.problem ?? told.text]).toEqual([
        change,
        status,
        false,
        expect.stringMatching(why),
      ]);
    }
    expect((await call(lbproxy, '/api/faults')).faults).toEqual([]);

    const off = await startLbproxy(config(''), { dirs: ['state'] });
    expect(await call(off, '/api/faults', right)).toMatchObject({
      ok: false,
      text: expect.stringContaining('"inspector"'),
    });
  });
});
