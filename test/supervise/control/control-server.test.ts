// The control server's HTTP: passwords, hosts and origins, limits, Unix sockets and their rights, logs that grow, and the status page.
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type ControlPlan, ControlServer } from '../../../src/supervise/control/control-server.ts';
import { writeAnswer } from '../../../src/supervise/control/xmlrpc-codec.ts';
import type { ControlServerPlan } from '../../../src/supervise/plan.ts';
import { type ControlSite, openSite, tcpPlan, unixPlan } from '../../support/control-site.ts';
import { StandInPool, type StandInProgram } from '../../support/stand-in-pool.ts';
import { pythonCalls, startSupervisord, supervisorVersion } from '../../support/supervisord.ts';

const PROGRAMS: readonly StandInProgram[] = [
  {
    name: 'cat',
    command: '/bin/cat',
    startMs: 0,
    stdoutLog: '{dir}/cat.out',
    stderrLog: null,
    says: 'hello <b>\n',
  },
  {
    name: 'müller',
    group: 'süd',
    command: '/bin/cat',
    autostart: false,
    stdoutLog: '{dir}/m.out',
    stderrLog: null,
  },
];

const cleanUps: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function site(...plans: ControlServerPlan[]): Promise<ControlSite> {
  const opened = await openSite(
    PROGRAMS,
    plans.map((plan): ControlPlan => ({ plan, own: false })),
  );
  cleanUps.push(opened.close);
  return opened;
}

interface Got {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

function ask(
  where: ControlSite | number,
  target: string,
  options: http.RequestOptions = {},
  body = '',
): Promise<Got> {
  const place =
    typeof where === 'number' ? { host: '127.0.0.1', port: where } : { socketPath: where.url.slice(7) };
  return new Promise((resolve, reject) => {
    const request = http.request({ ...place, path: target, agent: false, ...options }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece) => {
        text += piece;
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}

const basic = (pair: string): http.RequestOptions => ({
  headers: { Authorization: `Basic ${Buffer.from(pair).toString('base64')}` },
});

const STATE = '<methodCall><methodName>supervisor.getAPIVersion</methodName></methodCall>';
const POST = { method: 'POST' } as const;

describe('a password', () => {
  const login = { user: 'anna', password: 'geheim:ü' };
  const sha = { user: 'anna', password: '{SHA}82ab876d1387bfafe46cc1c8a2ef074eae50cb1d' };

  it('is asked for on every path', async () => {
    const port = await tcpPort(tcpPlan({ login }));
    for (const target of ['/', '/RPC2', '/logtail/cat', '/mainlogtail', '/nope', '/tail.html']) {
      const refused = await ask(port, target);
      expect([refused.status, refused.headers['www-authenticate']]).toEqual([401, 'Basic realm="default"']);
    }
    for (const pair of ['anna:geheim', 'bert:geheim:ü', ':', 'anna:', 'anna:geheim:ü '])
      expect((await ask(port, '/', basic(pair))).status).toBe(401);
    expect((await ask(port, '/', basic('anna:geheim:ü'))).status).toBe(200);
    expect((await ask(port, '/', basic('no colon'))).status).toBe(400);
    expect((await ask(port, '/', { headers: { Authorization: 'Digest x' } })).status).toBe(401);
  });

  it('may be the SHA-1 of one', async () => {
    const port = await tcpPort(tcpPlan({ login: sha }));
    expect((await ask(port, '/', basic('anna:thepassword'))).status).toBe(200);
    expect((await ask(port, '/', basic(`anna:${sha.password}`))).status).toBe(401);
    expect((await ask(port, '/', basic('anna:x'))).status).toBe(401);
  });

  it.skipIf(supervisorVersion === '')("is that of Supervisor's client", async () => {
    const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'lbproxy-login-')), 's');
    cleanUps.push(() => fs.rmSync(path.dirname(file), { recursive: true }));
    await site(unixPlan(file, { login: sha }));
    const steps = [['supervisor.getPID', []]] as const;
    const right = { user: 'anna', password: 'thepassword' };
    expect(await pythonCalls(`unix://${file}`, steps, right)).toEqual([{ answer: process.pid }]);
    expect(await pythonCalls(`unix://${file}`, steps, { user: 'anna', password: 'x' })).toEqual([
      { http: 401 },
    ]);
    expect(await pythonCalls(`unix://${file}`, steps)).toEqual([{ http: 401 }]);
  });
});

async function tcpPort(plan: ControlServerPlan): Promise<number> {
  const { server } = await site(plan);
  return server.ports()[1] ?? 0;
}

describe('a page of somebody else', () => {
  it('cannot send requests, whatever name it comes by', async () => {
    const port = await tcpPort(tcpPlan());
    const own = `127.0.0.1:${port}`;
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await ask(port, '/RPC2', { ...POST, headers }, STATE)).status;
    expect(await status({ Host: own })).toBe(200);
    expect(await status({ Host: `localhost:${port}` })).toBe(200);
    expect(await status({ Host: `[::1]:${port}` })).toBe(200);
    expect(await status({ Host: os.hostname() })).toBe(200);
    expect(await status({ Host: `evil.example:${port}` })).toBe(403);
    expect(await status({ Host: own, Origin: `http://${own}` })).toBe(200);
    expect(await status({ Host: own, Origin: 'http://evil.example' })).toBe(403);
    expect(await status({ Host: own, Origin: 'null' })).toBe(403);
  });

  it('is none where there is a password: any name will do', async () => {
    const port = await tcpPort(tcpPlan({ login: { user: 'a', password: 'b' } }));
    const { headers } = basic('a:b');
    expect((await ask(port, '/', { headers: { ...headers, Host: 'box.example' } })).status).toBe(200);
  });
});

describe('requests', () => {
  it('get the statuses of Supervisor where they are wrong', async () => {
    const s = await site();
    expect((await ask(s, '/RPC2')).status).toBe(400);
    expect((await ask(s, '/RPC2', POST, '')).status).toBe(400);
    expect((await ask(s, '/RPC2', POST, '<a>')).status).toBe(400);
    expect((await ask(s, '/RPC2', POST, '<a/>')).status).toBe(400);
    expect((await ask(s, '/RPC2/x', POST, STATE)).body).toBe(writeAnswer('3.0'));
    expect((await ask(s, '/logtail/cat', POST)).status).toBe(400);
    expect((await ask(s, '/mainlogtail', { method: 'HEAD' })).status).toBe(400);
    for (const target of [
      '/logtail',
      '/logtail/nope',
      '/logtail/cat/stderr',
      '/logtail/cat/x',
      '/logtail/s%C3%BCd:*',
    ])
      expect((await ask(s, target)).status).toBe(404);
    expect((await ask(s, '/logtail/%ff')).status).toBe(400);
    expect((await ask(s, '/nope')).status).toBe(404);
    expect((await ask(s, '/', { method: 'PUT' })).status).toBe(400);
    expect((await ask(s, '/ok.html')).body).toBe('OK');
    expect(s.reports).toEqual([]);
  });

  it('may not be larger than a megabyte', async () => {
    const s = await site();
    const padded = (size: number): string => STATE + ' '.repeat(size - STATE.length);
    expect((await ask(s, '/RPC2', POST, padded(1_048_576))).status).toBe(200);
    expect((await ask(s, '/RPC2', POST, padded(1_048_577))).status).toBe(413);
    expect((await ask(s, '/RPC2', POST, padded(1_048_577))).headers.connection).toBe('close');
  });

  it('that never end hold up nobody', async () => {
    const s = await site();
    const sockets = Array.from({ length: 200 }, () => net.connect(s.url.slice(7)).on('error', () => {}));
    cleanUps.push(() => {
      for (const socket of sockets) socket.destroy();
    });
    for (const socket of sockets) socket.write('POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Le');
    await expect
      .poll(() => sockets.filter((socket) => socket.closed).length, { timeout: 5000 })
      .toBeGreaterThan(130);
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(s, '/RPC2', POST, STATE)));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
  });

  it('that take too long to come are given up', async () => {
    const s = await site();
    const began = performance.now();
    const ended = ['', 'POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Le'].map((start) => {
      const socket = net.connect(s.url.slice(7));
      cleanUps.push(() => void socket.destroy());
      socket.resume().on('error', () => {});
      socket.write(start);
      return new Promise<void>((resolve) => socket.once('close', () => resolve()));
    });
    await Promise.all(ended);
    expect(performance.now() - began).toBeGreaterThan(9000);
  }, 30_000);

  it('of many at once each get their own answer', async () => {
    const s = await site();
    const call = (name: string): string =>
      `<m><methodName>supervisor.getProcessInfo</methodName><params><param><value>${name}</value></param></params></m>`;
    const names = Array.from({ length: 60 }, (_, i) => `name${i}`);
    const answers = await Promise.all(names.map((name) => ask(s, '/RPC2', POST, call(name))));
    expect(answers.map(({ body }) => /BAD_NAME: (\w+)/.exec(body)?.[1])).toEqual(names);
  });
});

describe('a log', () => {
  it('is sent as it grows, and its reader can go at any time', async () => {
    const s = await site();
    const socket = net.connect(s.url.slice(7));
    let seen = '';
    socket.on('data', (piece) => {
      seen += piece;
    });
    // Supervisor's client sends an empty line too many.
    socket.write('GET /logtail/cat/stdout HTTP/1.1\r\nHost: \r\n\r\n\r\n');
    await expect.poll(() => seen).toContain('hello <b>');
    expect(seen).toMatch(/content-type: text\/plain;charset=utf-8\r\n/i);
    expect(seen).toMatch(/transfer-encoding: chunked\r\n/i);
    fs.appendFileSync(path.join(s.dir, 'cat.out'), 'grüß\n');
    await expect.poll(() => seen).toContain('grüß');
    socket.destroy();
    const files = (): number =>
      fs.readdirSync('/proc/self/fd').filter((fd) => openAt(fd) === path.join(s.dir, 'cat.out')).length;
    await expect.poll(files).toBe(0);
  });

  it('that is large does not fill memory where its reader takes nothing', async () => {
    const s = await site();
    const file = path.join(s.dir, 'cat.out');
    const socket = net.connect(s.url.slice(7));
    cleanUps.push(() => void socket.destroy());
    socket.once('data', () => socket.pause());
    socket.write('GET /logtail/cat HTTP/1.1\r\nHost: x\r\n\r\n');
    await expect.poll(() => socket.isPaused()).toBe(true);
    const before = process.memoryUsage().rss;
    fs.writeFileSync(file, Buffer.alloc(300 * 1024 * 1024, 'x'));
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  });

  it('of many megabytes is read whole, and of a device not at all', async () => {
    const s = await site();
    const text = `${'x'.repeat(99)}\n`.repeat(100_000);
    fs.writeFileSync(path.join(s.dir, 'cat.out'), text);
    const read = (name: string): Promise<Got> =>
      ask(
        s,
        '/RPC2',
        POST,
        `<m><methodName>supervisor.readProcessStdoutLog</methodName><params><p>${name}</p><p>0</p><p>0</p></params></m>`,
      );
    expect((await read('cat')).body.length).toBe(writeAnswer(text).length);
    fs.rmSync(path.join(s.dir, 'cat.out'));
    fs.symlinkSync('/dev/zero', path.join(s.dir, 'cat.out'));
    expect((await read('cat')).body).toContain('<string>FAILED</string>');
  });
});

const openAt = (fd: string): string => {
  try {
    return fs.readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
};

describe('the status page', () => {
  it('shows what there is, escaped, and does what its buttons say', async () => {
    const s = await site();
    const page = await ask(s, '/');
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    expect(page.body).toContain('<td class="RUNNING">running</td>');
    expect(page.body).toContain('/logtail/s%C3%BCd%3Am%C3%BCller/stderr');
    expect(page.body).toContain('>süd:müller</a>');
    expect((await ask(s, '/index.html', { method: 'HEAD' })).body).toBe('');
    expect((await ask(s, '/tail.html?processname=cat')).body).toContain('hello &#60;b&#62;');
    const form = (text: string): Promise<Got> =>
      ask(s, '/', { ...POST, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }, text);
    await form('action=stop&processname=cat');
    expect(s.pool.process('cat').view.state).toBe('STOPPED');
    expect((await form('action=stop&processname=cat')).body).toContain('NOT_RUNNING: cat');
    await form('action=restart&processname=cat');
    expect(s.pool.process('cat').view.state).toBe('RUNNING');
    await form('action=clearlog&processname=cat');
    expect(fs.readFileSync(path.join(s.dir, 'cat.out'), 'utf8')).toBe('');
    expect((await form('action=<script>')).body).toContain('There is no action &#34;&#60;script&#62;&#34;');
    await form('action=stopall');
    expect(s.pool.process('cat').view.state).toBe('STOPPED');
    // A link is never enough.
    await ask(s, '/?action=start&processname=cat');
    expect(s.pool.process('cat').view.state).toBe('STOPPED');
  });
});

describe('a Unix socket', () => {
  const folder = (): string => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lbproxy-socket-'));
    cleanUps.push(() => fs.rmSync(dir, { recursive: true, force: true }));
    return dir;
  };
  const open = async (...plans: ControlServerPlan[]): Promise<ControlServer> => {
    const pool = new StandInPool([], null);
    const server = new ControlServer({ pool, version: '0', report: () => {} });
    cleanUps.push(() => server.close());
    await server.open(plans.map((plan) => ({ plan, own: false })));
    return server;
  };
  const address = (file: string, mode = 0o600) =>
    ({ kind: 'unix', path: file, mode, uid: null, gid: null }) as const;

  it('has its rights, and is gone with the server', async () => {
    const file = path.join(folder(), 's');
    const server = await open(unixPlan(file, { address: address(file, 0o640) }));
    expect(fs.statSync(file).mode & 0o777).toBe(0o640);
    expect(fs.readdirSync(path.dirname(file))).toEqual(['s']);
    await server.reload([{ plan: unixPlan(file, { address: address(file, 0o600) }), own: false }]);
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    await server.close();
    expect(fs.existsSync(file)).toBe(false);
  });

  it('of a dead process is replaced', async () => {
    const file = path.join(folder(), 's');
    const dead = net.createServer().listen(`${file}.0`);
    await new Promise((resolve) => dead.once('listening', resolve));
    fs.linkSync(`${file}.0`, file);
    await new Promise((resolve) => dead.close(resolve));
    expect(fs.statSync(file).isSocket()).toBe(true);
    await open(unixPlan(file));
  });

  it('of a live one is left to it, and so is a file', async () => {
    const file = path.join(folder(), 's');
    await open(unixPlan(file));
    await expect(open(unixPlan(file))).rejects.toThrow(
      new RegExp(
        `^supervisord.conf:1:1: .*listen on unix:${file}: pid ${process.pid} \\(.*\\) listens there; end it`,
      ),
    );
    const plain = path.join(folder(), 'plain');
    fs.writeFileSync(plain, 'mine');
    await expect(open(unixPlan(plain))).rejects.toThrow('a file that is no socket');
    expect(fs.readFileSync(plain, 'utf8')).toBe('mine');
    expect(fs.readdirSync(path.dirname(plain))).toEqual(['plain']);
  });

  it.skipIf(supervisorVersion === '')("of Debian's supervisord is left to it", async () => {
    const real = await startSupervisord('');
    cleanUps.push(real.stop);
    await expect(open(unixPlan(real.url.slice(7)))).rejects.toThrow(
      /pid \d+ \(.*supervisord.*\) listens there/,
    );
  });

  it('is not taken away where another has it by now', async () => {
    const file = path.join(folder(), 's');
    const server = await open(unixPlan(file));
    fs.rmSync(file);
    const other = await open(unixPlan(file));
    await server.close();
    expect(fs.existsSync(file)).toBe(true);
    await other.close();
  });

  it('with a path too long, or in no folder, says so', async () => {
    await expect(open(unixPlan(`/tmp/${'x'.repeat(120)}`))).rejects.toThrow('too long for a Unix socket');
    await expect(open(unixPlan('/no/such/folder/s'))).rejects.toThrow(/^supervisord.conf:1:1: .*ENOENT/);
  });

  it('and a port that is taken leave nothing open', async () => {
    const taken = net.createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    cleanUps.push(() => void taken.close());
    const { port } = taken.address() as net.AddressInfo;
    const file = path.join(folder(), 's');
    const tcp = tcpPlan({ address: { kind: 'tcp', host: '127.0.0.1', port } });
    await expect(open(unixPlan(file), tcp)).rejects.toThrow(
      new RegExp(`^supervisord.conf:5:1: .* on 127.0.0.1:${port}: pid ${process.pid} .*choose another port$`),
    );
    expect(fs.existsSync(file)).toBe(false);
  });
});

describe('a reload', () => {
  it('keeps what stays, with its new password, opens what is new and closes what is gone', async () => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lbproxy-reload-'));
    cleanUps.push(() => fs.rmSync(dir, { recursive: true, force: true }));
    const [a, b] = [path.join(dir, 'a'), path.join(dir, 'b')];
    const s = await site(unixPlan(a));
    const at = (file: string, options: http.RequestOptions = {}): Promise<number> =>
      ask(s, '/', { socketPath: file, ...options }).then(
        ({ status }) => status,
        () => 0,
      );
    const { ino } = fs.statSync(a);
    const kept = { plan: unixPlan(a, { login: { user: 'u', password: 'p' } }), own: false };
    await s.server.reload([kept, { plan: unixPlan(b), own: false }]);
    expect(fs.statSync(a).ino).toBe(ino);
    expect([await at(a), await at(a, basic('u:p')), await at(b)]).toEqual([401, 200, 200]);
    await expect(s.server.reload([{ plan: unixPlan('/no/such/folder/s'), own: false }])).rejects.toThrow(
      'ENOENT',
    );
    expect([await at(a), await at(b)]).toEqual([401, 200]);
    await s.server.reload([{ plan: unixPlan(b), own: false }]);
    expect([await at(a), await at(b)]).toEqual([0, 200]);
  });
});

describe('a Unix socket', () => {
  it('is answered on from the moment that it is there', async () => {
    for (let i = 0; i < 20; i++) {
      const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lbproxy-control-'));
      cleanUps.push(() => fs.rmSync(dir, { recursive: true, force: true }));
      const file = path.join(dir, 's.sock');
      const pool = new StandInPool([], path.join(dir, 'main.log'));
      const server = new ControlServer({ pool, version: '0.0.0', report: () => {} });
      cleanUps.push(() => server.close());
      const opened = server.open([{ plan: unixPlan(file), own: true }]);
      const asked = askOnceThere(file);
      await opened;
      expect(await asked).toMatch(/^HTTP\/1\.1 /);
    }
  });
});

/** The first bytes of the answer to a request that is sent as soon as there is a socket; '' for none. */
async function askOnceThere(file: string): Promise<string> {
  while (!fs.existsSync(file)) await new Promise((resolve) => setImmediate(resolve));
  return new Promise((resolve, reject) => {
    const socket = net.connect(file);
    socket.once('error', reject);
    socket.once('data', (bytes) => {
      socket.destroy();
      resolve(bytes.toString('latin1'));
    });
    socket.setTimeout(2000, () => {
      socket.destroy();
      resolve('');
    });
    socket.write('GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n');
  });
}
