// What a reload refuses, and that what runs then stays whole: addresses, acceptors, programs.
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { makeCertificate } from '../support/certificates.ts';
import { get } from '../support/http-client.ts';
import { childrenOf, commandOf, startLbproxy } from '../support/lbproxy-process.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

function listenSomewhere(host: string): Promise<number> {
  const server = createServer((socket) => socket.destroy());
  servers.push(server);
  return new Promise((resolve) => {
    server.listen(0, host, () => resolve((server.address() as AddressInfo).port));
  });
}

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

const LOG = 'worker_processes 2; error_log DIR/error.log notice;';
const logOf = (dir: string) =>
  readFileSync(join(dir, 'error.log'), 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));

async function started() {
  const lbproxy = await startLbproxy(
    `${LOG} http { server { listen 127.0.0.1:PORT1; location / { return 200 on; } } }`,
  );
  const refused = async (text: string) => {
    lbproxy.write(text);
    const answer = await lbproxy.command('-s', 'reload');
    const last = () => logOf(lbproxy.dir).findLast(({ msg }) => /^reload/.test(msg));
    await expect.poll(last).toBeDefined();
    const entry = last();
    expect((await get(lbproxy.port)).body).toBe('on');
    return { ...answer, entry };
  };
  return { lbproxy, refused };
}

describe('a refused reload', () => {
  it('has its reasons, each with its place, in the error log and in the answer of -s', async () => {
    const { lbproxy } = await started();
    lbproxy.write(
      `${LOG}\nhttp {\n  server { listne 1; }\n  server { listen 127.0.0.1:PORT1; locaton / { } }\n}`,
    );
    lbproxy.signal('SIGHUP');
    const refusal = () => logOf(lbproxy.dir).find(({ msg }) => /^reload refused/.test(msg));
    await expect.poll(refusal, { timeout: 5000 }).toBeDefined();
    expect(refusal()).toMatchObject({ level: 'error' });
    expect(refusal().msg).toMatch(
      /^reload refused: .*nginx\.conf:3:12: unknown directive "listne".* \(and 1 more\); the running configuration stays$/,
    );
    expect(refusal().problems).toEqual([
      expect.stringMatching(/nginx\.conf:3:12: unknown directive "listne"/),
      expect.stringMatching(/nginx\.conf:4:36: unknown directive "locaton"/),
    ]);
    const { code, text } = await lbproxy.command('-s', 'reload');
    expect(code).toBe(1);
    expect(text).toMatch(
      /nginx\.conf:3:12: unknown directive "listne".*\n {4} {2}server \{ listne 1; \}\n {4} +\^\n/,
    );
    expect(text).toContain('locaton');
  });

  it('is printed by -s with what only the running process knows', async () => {
    const { lbproxy, refused } = await started();
    const [port] = await Promise.all([listenSomewhere('127.0.0.1')]);
    const { code, text } = await refused(`${LOG} http { server { listen 127.0.0.1:${port}; } }`);
    expect(code).toBe(1);
    expect(text).toMatch(/nginx\.conf:1:\d+: cannot listen on .*\n {4}.*\n {4} +\^\n/);
    expect(text).toMatch(/lbproxy: reload refused: 1 problem; the running configuration stays\n$/);
    expect(lbproxy.hasExited).toBe(false);
  });

  it('names the file and the directive of every certificate and log that cannot be used', async () => {
    const { lbproxy, refused } = await started();
    const a = makeCertificate(lbproxy.dir, 'a', 'a.test');
    const b = makeCertificate(lbproxy.dir, 'b', 'b.test');
    writeFileSync(join(lbproxy.dir, 'text.pem'), 'no certificate\n');
    const server = (cert: string, key: string, more = ''): string =>
      `server { listen 127.0.0.1:PORT1 ssl; ${more}\n  ssl_certificate ${cert};\n  ssl_certificate_key ${key}; }\n`;
    const { code, entry } = await refused(
      `${LOG} http {\n${server('a.crt', 'b.key', 'server_name a;')}${server('text.pem', 'a.key', 'server_name b;')}` +
        `${server('a.crt', 'none.key', 'server_name c;')}${server('a.crt', 'text.pem', 'server_name d;')}` +
        `${server('b.crt', 'b.key', 'server_name e; ssl_ciphers NONE-OF-THEM;')}access_log DIR/none/access.log; }`,
    );
    expect(code).toBe(1);
    expect(entry.problems.map((each: string) => each.slice(each.indexOf('nginx.conf')))).toEqual([
      `nginx.conf:4:3: ssl_certificate_key ${b.key} does not belong to ${a.certificate}: name the key that the certificate was made with`,
      expect.stringMatching(/^nginx\.conf:6:3: ssl_certificate .*text\.pem holds no certificate in PEM/),
      expect.stringMatching(
        /^nginx\.conf:10:3: ssl_certificate_key .*none\.key cannot be read: there is no such file/,
      ),
      expect.stringMatching(/^nginx\.conf:13:3: ssl_certificate_key .*text\.pem holds no private key in PEM/),
      expect.stringMatching(/^nginx\.conf:14:\d+: ssl_ciphers NONE-OF-THEM: /),
      expect.stringMatching(/^nginx\.conf:17:1: access_log .*none.* does not exist/),
    ]);
  });

  it('names all addresses that are taken, and by whom', async () => {
    const { lbproxy, refused } = await started();
    const ports = await Promise.all(['127.0.0.1', '127.0.0.1'].map(listenSomewhere));
    const { code, entry } = await refused(
      `${LOG} http { server { listen 127.0.0.1:PORT1;\n listen 127.0.0.1:${ports[0]}; listen 127.0.0.1:${ports[1]}; } }`,
    );
    expect(code).toBe(1);
    expect(entry.problems).toHaveLength(2);
    for (const [i, port] of ports.entries())
      expect(entry.problems[i]).toMatch(
        new RegExp(
          `nginx\\.conf:\\d:\\d+: cannot listen on 127\\.0\\.0\\.1:${port}: pid ${process.pid} \\(.+\\) listens`,
        ),
      );
    expect(lbproxy.hasExited).toBe(false);
  });
});
