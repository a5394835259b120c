// What a reload refuses, and that what runs then stays whole: addresses, acceptors, programs.
import { describe, expect, it } from 'vitest';
import { get } from '../support/http-client.ts';
import { childrenOf, commandOf, startLbproxy } from '../support/lbproxy-process.ts';

const SLEEPER = 'command "sleep 775";';
const CONF = `worker_processes 1; program app { ${SLEEPER} }
  http { server { listen 127.0.0.1:PORT1; location / { return 200 on; } } }`;
const JSON_CONF = `{ "acceptors": 1, "programs": { "app": { "command": "sleep 775" } },
  "servers": [{ "listen": "127.0.0.1:PORT1", "locations": { "/": { "return": "200 on" } } }] }`;

const sleepers = (pid: number): number[] => childrenOf(pid).filter((p) => commandOf(p).includes('sleep 775'));

describe('a reload that would leave nothing to serve', () => {
  it.each([
    ['an empty file', ''],
    ['comments', '# nothing\n'],
    ['an empty http block', 'http { }'],
    ['a file that ends before http', `worker_processes 1; program app { ${SLEEPER} }\n`],
  ])('is refused: %s', async (_, text) => {
    const lbproxy = await startLbproxy(CONF);
    const before = sleepers(lbproxy.pid);
    expect(before).toHaveLength(1);
    expect(await lbproxy.reload(text)).toBe('refused');
    expect((await get(lbproxy.port)).body).toBe('on');
    expect(sleepers(lbproxy.pid)).toEqual(before);
    expect(lbproxy.stderr()).toMatch(/nginx\.conf:\d+:\d+: no/);
    expect(await lbproxy.reload(CONF)).toBe('reloaded');
  });

  it.each(['{}', '', '{ "servers": [] }', '{ "programs": { "app": { "command": "sleep 775" } } }'])(
    'is refused in JSON: %s',
    async (text) => {
      const lbproxy = await startLbproxy(JSON_CONF);
      expect(await lbproxy.reload(text)).toBe('refused');
      expect((await get(lbproxy.port)).body).toBe('on');
      expect(sleepers(lbproxy.pid)).toHaveLength(1);
    },
  );
});

describe('programs without a server', () => {
  it('run, and may be changed by a reload', async () => {
    const lbproxy = await startLbproxy(`worker_processes 1; program app { ${SLEEPER} }`);
    expect(sleepers(lbproxy.pid)).toHaveLength(1);
    expect(await lbproxy.reload(`worker_processes 1; program app { ${SLEEPER} numprocs 2; }`)).toBe(
      'reloaded',
    );
    await expect.poll(() => sleepers(lbproxy.pid).length, { timeout: 5000 }).toBe(2);
    expect(await lbproxy.reload(CONF.replace('PORT1', '0'))).toBe('reloaded');
  });
});
