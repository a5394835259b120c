// The Supervisor halves of the classic texts beside their nginx halves, as they are written but for paths, ports and users:
// lbproxy -c nginx.conf --programs supervisord.conf, lbproxy ctl, and the supervisorctl of Supervisor itself.
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type CliResult, runLbproxy } from '../support/cli.ts';
import { freePorts } from '../support/free-ports.ts';
import { type LbproxyProcess, startLbproxy } from '../support/lbproxy-process.ts';
import { ctlConf, type Ran, run, supervisorctl, supervisorVersion } from '../support/supervisord.ts';
import { exchangeOnce } from '../support/wire.ts';
import {
  DEMO_PY,
  DJANGO_SITE,
  fourPrograms,
  freeHundred,
  makeSite,
  missing,
  upstreamOf,
  WEB_USER,
} from './classic-site.ts';

if (missing.length > 0) {
  if (process.env.CI)
    throw new Error(`missing in CI: ${missing.map((name) => `python3-${name}`).join(', ')}`);
  console.warn(`\n*** ${missing.join(' and ')} missing: the classic deployment is SKIPPED ***\n`);
}

let removeSite: (() => void) | undefined;
afterEach(() => {
  removeSite?.();
  removeSite = undefined;
});

function site(files: Readonly<Record<string, string>>): string {
  const { dir, remove } = makeSite(files);
  removeSite = remove;
  return dir;
}

/** Both halves, the second of which becomes `dir`/supervisord.conf. */
function start(dir: string, nginxConf: string, supervisordConf: string): Promise<LbproxyProcess> {
  const file = join(dir, 'supervisord.conf');
  writeFileSync(file, supervisordConf);
  return startLbproxy(nginxConf, {
    args: ['--programs', file],
    env: { PATH: `${dir}/bin:${process.env.PATH}` },
  });
}

function ctl(lbproxy: LbproxyProcess, file: string, ...words: string[]): Promise<CliResult> {
  return runLbproxy(['ctl', '-c', file, ...words], { env: { XDG_STATE_HOME: join(lbproxy.dir, 'state') } });
}

/** Once none is STARTING any more. */
function settled(lbproxy: LbproxyProcess): Promise<CliResult> {
  return ctl(lbproxy, lbproxy.configFile, 'status', '--wait');
}

/** The real one, at the socket that "is ready" names. */
function realCtl(lbproxy: LbproxyProcess, ...words: string[]): Promise<Ran> {
  const url = / supervisorctl -s (unix:\S+)/.exec(lbproxy.stdout())?.[1] ?? '';
  return supervisorctl(ctlConf(lbproxy.dir), url, words);
}

async function get(lbproxy: LbproxyProcess, target = '/', lines: readonly string[] = []): Promise<string> {
  const head = [`GET ${target} HTTP/1.1`, 'Host: www.example.org', ...lines, 'Connection: close'];
  const { status, body } = await exchangeOnce(lbproxy.port, `${head.join('\r\n')}\r\n\r\n`);
  return status === 200 ? body : `${status}: ${body}`;
}

async function inTurn(lbproxy: LbproxyProcess, n: number): Promise<string[]> {
  const bodies: string[] = [];
  for (let i = 0; i < n; i++) bodies.push(await get(lbproxy));
  return bodies;
}

/** What others get while something is done. */
async function meanwhile(lbproxy: LbproxyProcess, work: () => Promise<Ran | CliResult>): Promise<string[]> {
  const failed: string[] = [];
  let done = false;
  const client = async (): Promise<void> => {
    while (!done) {
      const body = await get(lbproxy);
      if (!body.startsWith('Hello ')) failed.push(body);
    }
  };
  const clients = [client(), client(), client()];
  const result = await work();
  done = true;
  await Promise.all(clients);
  expect([result.stderr, 'code' in result ? result.code : result.status]).toEqual(['', 0]);
  return failed;
}

const UP = String.raw`RUNNING   pid \d+, uptime 0:00:\d\d\n`;

describe.skipIf(missing.length > 0 || supervisorVersion === '')('the classic deployment', () => {
  it('with numprocs=4: the four lines of its text, requests in turn, one log', async () => {
    const hundred = await freeHundred();
    const ports = [1, 2, 3, 4].map((n) => hundred * 100 + n);
    const dir = site({ 'www/demo.py': DEMO_PY, 'log/.keep': '' });
    const lbproxy = await start(
      dir,
      `http {
        ${upstreamOf(ports)}
        server {
            listen       127.0.0.1:PORT1;
            server_name  localhost;
            location / {
               proxy_set_header Host $http_host;
               proxy_set_header X-Real-IP $remote_addr;
               proxy_set_header X-Forwarded-For  $remote_addr;
               proxy_set_header X-Scheme $scheme;
               proxy_read_timeout 300s;
               proxy_pass http://tornadoes;
            }
        }
    }`,
      `[group:web_server]
programs=tornado_web_demo

[program:tornado_web_demo]
numprocs=4
numprocs_start=1
command=python ${dir}/www/demo.py --port=${hundred}%(process_num)02d
process_name=%(program_name)s%(process_num)d
directory=${dir}/www
autorestart=true
redirect_stderr=true
stdout_logfile=${dir}/log/tornado.log
stdout_logfile_maxbytes=500MB
stdout_logfile_backups=50
stderr_logfile=${dir}/log/tornado.log
loglevel=info
`,
    );
    expect(lbproxy.stdout()).toContain('  group web_server: 4 processes\n');
    const names = ports.map((_, i) => `web_server:tornado_web_demo${i + 1}`);
    const fourLines = new RegExp(`^${names.map((name) => `${name}     ${UP}`).join('')}$`);
    await settled(lbproxy);
    // By either file, and by the real one.
    for (const file of [lbproxy.configFile, join(dir, 'supervisord.conf')]) {
      const { code, stdout } = await ctl(lbproxy, file, 'status');
      expect(stdout).toMatch(fourLines);
      expect(code).toBe(0);
    }
    expect((await realCtl(lbproxy, 'status')).stdout).toMatch(fourLines);
    // Of several files in a directory it is the one that runs.
    writeFileSync(join(lbproxy.dir, 'upstreams.json'), '{ "servers": [{ "listen": 8080 }] }');
    const env = { XDG_STATE_HOME: join(lbproxy.dir, 'state') };
    expect((await runLbproxy(['ctl', 'status'], { cwd: lbproxy.dir, env })).stdout).toMatch(fourLines);

    const hellos = await inTurn(lbproxy, 8);
    expect(hellos.slice(0, 4)).toEqual(hellos.slice(4));
    expect(hellos.slice(0, 4).toSorted()).toEqual(ports.map((port) => `Hello ${port}`));
    // What all four print is in the one file.
    // An app writes its line behind its answer.
    const lines = (): readonly string[] =>
      readFileSync(join(dir, 'log/tornado.log'), 'utf8').match(/200 GET \/ /g) ?? [];
    await expect.poll(() => lines().length, { timeout: 10_000 }).toBe(8);
    expect((await realCtl(lbproxy, 'tail', names[0])).stdout).toContain('200 GET / (127.0.0.1)');
    expect(readdirSync(join(dir, 'log')).toSorted()).toEqual(['.keep', 'tornado.log']);

    const stopped = await ctl(lbproxy, join(dir, 'supervisord.conf'), 'stop', 'all');
    expect(stopped.stdout.split('\n').toSorted()).toEqual(['', ...names.map((name) => `${name}: stopped`)]);
    const started = await ctl(lbproxy, join(dir, 'supervisord.conf'), 'start', 'all');
    expect(started.stdout.split('\n').toSorted()).toEqual(['', ...names.map((name) => `${name}: started`)]);
    // Started is not listening: with startsecs=1 a busy machine needs longer for that.
    await expect
      .poll(async () => (await inTurn(lbproxy, 4)).toSorted(), { timeout: 30_000 })
      .toEqual(ports.map((port) => `Hello ${port}`));
  }, 60_000);

  it('with a program for each process, and an nginx file without http { }: restarts cost nobody a request', async () => {
    const ports = await freePorts(4);
    const dir = site({ 'www/main.py': DEMO_PY, 'www/static/static/a.txt': 'from the disk\n' });
    const lbproxy = await start(
      dir,
      `user nginx;
worker_processes 2;
error_log DIR/error.log;
pid DIR/nginx.pid;
events {
    worker_connections 1024;
    use epoll;
}
proxy_next_upstream error;
${upstreamOf(ports)}
server {
    listen 127.0.0.1:PORT1;
    server_name www.example.org *.example.org;

    location /static/ {
        root ${dir}/www/static;
        if ($query_string) {
            expires max;
        }
    }

    location / {
        proxy_pass_header Server;
        proxy_set_header Host $http_host;
        proxy_redirect off;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Scheme $scheme;
        proxy_pass http://tornadoes;
    }
}`,
      fourPrograms(
        ports,
        (port) => `command=python ${dir}/www/main.py --port=${port}
directory=${dir}/www
user=${WEB_USER}
autorestart=true
redirect_stderr=true
stdout_logfile=${dir}/tornado.log
loglevel=info
`,
      ),
    );
    expect(await get(lbproxy, '/static/a.txt')).toBe('from the disk\n');
    expect((await inTurn(lbproxy, 4)).toSorted()).toEqual(ports.map((port) => `Hello ${port}`));
    const pids = async (): Promise<string[]> =>
      (await realCtl(lbproxy, 'pid', 'all')).stdout.trim().split('\n');

    // supervisorctl stops all four before it starts one: requests wait. lbproxy's own restarts one after the other.
    const before = await pids();
    expect(await meanwhile(lbproxy, () => realCtl(lbproxy, 'restart', 'tornadoes:*'))).toEqual([]);
    const between = await pids();
    expect(
      await meanwhile(lbproxy, () => ctl(lbproxy, lbproxy.configFile, 'restart', 'tornadoes:*')),
    ).toEqual([]);
    const after = await pids();
    expect(new Set([...before, ...between, ...after]).size).toBe(12);
    const { stdout } = await settled(lbproxy);
    expect(stdout).toMatch(
      new RegExp(`^${ports.map((port) => `tornadoes:tornado-${port} +${UP}`).join('')}$`),
    );
  }, 90_000);

  it('of a file that echo_supervisord_conf made, with an [include]: its own supervisorctl section leads to lbproxy', async () => {
    const ports = await freePorts(4);
    const dir = site({ 'www/main.py': DEMO_PY, 'log/.keep': '' });
    chmodSync(join(dir, 'log'), 0o777);
    const made = (await run('/usr/bin/echo_supervisord_conf', [], '')).stdout;
    const file = join(dir, 'supervisord.conf');
    const settings = made
      .replaceAll('/tmp/', `${dir}/`)
      .replace(';[include]\n', '[include]\n')
      .replace(';files = relative/directory/*.ini', `files = ${dir}/*.ini`);
    expect(settings).not.toContain('/tmp/supervisor');
    writeFileSync(
      join(dir, 'tornado.ini'),
      fourPrograms(
        ports,
        (
          port,
        ) => `command=python ${dir}/www/main.py --port=${port} --log_file_prefix=${dir}/log/tornado-8000.log
directory=${dir}/www
user=${WEB_USER}
autorestart=true
redirect_stderr=true
loglevel=info
`,
      ),
    );
    const lbproxy = await start(
      dir,
      `http { ${upstreamOf(ports)} server { listen 127.0.0.1:PORT1; location / { proxy_pass http://tornadoes; } } }`,
      settings,
    );
    await settled(lbproxy);
    const classic = (...words: string[]): Promise<Ran> =>
      run('/usr/bin/supervisorctl', ['-c', file, ...words], '');
    const { stdout, status } = await classic('status');
    expect(stdout).toMatch(
      new RegExp(`^${ports.map((port) => `tornadoes:tornado-${port} +${UP}`).join('')}$`),
    );
    expect(status).toBe(0);
    expect((await inTurn(lbproxy, 4)).toSorted()).toEqual(ports.map((port) => `Hello ${port}`));
    const one = `tornadoes:tornado-${ports[0]}`;
    expect((await classic('restart', one)).stdout).toBe(`${one}: stopped\n${one}: started\n`);
    expect((await classic('reload')).stdout).toBe('Restarted supervisord\n');
    expect(statSync(join(dir, 'log/tornado-8000.log')).size).toBeGreaterThan(0);
  }, 90_000);

  it('rolls over apps that take longer than startsecs to listen', async () => {
    const ports = await freePorts(2);
    const slow = DEMO_PY.replace(
      'import tornado.httpserver',
      'import time\ntime.sleep(2.5)\nimport tornado.httpserver',
    );
    const dir = site({ 'www/main.py': slow });
    const lbproxy = await start(
      dir,
      `http { ${upstreamOf(ports)} server { listen 127.0.0.1:PORT1; location / { proxy_pass http://tornadoes; } } }`,
      fourPrograms(ports, (port) => `command=python ${dir}/www/main.py --port=${port}\n`),
    );
    // RUNNING and serving are two things: "is ready" waits for the second, and so does the next in turn.
    expect((await inTurn(lbproxy, 2)).toSorted()).toEqual(ports.map((port) => `Hello ${port}`));
    const restart = (): Promise<CliResult> => ctl(lbproxy, lbproxy.configFile, 'restart', 'tornadoes:*');
    expect(await meanwhile(lbproxy, restart)).toEqual([]);
  }, 60_000);

  it("serves a Django site through Tornado's WSGIContainer, its static files from the disk", async () => {
    const hundred = await freeHundred();
    const ports = [1, 2, 3, 4].map((n) => hundred * 100 + n);
    const dir = site(DJANGO_SITE);
    const lbproxy = await start(
      dir,
      `http {
        ${upstreamOf(ports)}
        server {
            listen 127.0.0.1:PORT1;
            location /static/ { root ${dir}/site; }
            location / {
                proxy_set_header Host $http_host;
                proxy_set_header X-Real-IP $remote_addr;
                proxy_set_header X-Scheme $scheme;
                proxy_pass http://tornadoes;
            }
        }
      }`,
      `[program:site]
command=python ${dir}/site/Serv.py ${hundred}%(process_num)02d
process_name=site-${hundred}%(process_num)02d
directory=${dir}/site
umask=027
startsecs=1
stopwaitsecs=5
redirect_stderr=true
stdout_logfile=${dir}/site.log
numprocs=4
numprocs_start=1
`,
    );
    expect((await inTurn(lbproxy, 4)).toSorted()).toEqual(ports.map((port) => `Django on ${port}`));
    expect(await get(lbproxy, '/static/site.css')).toBe('body { color: black }\n');
    expect(JSON.parse(await get(lbproxy, '/seen/', ['X-Real-IP: 192.0.2.1']))).toEqual({
      host: 'www.example.org',
      client: '127.0.0.1',
      scheme: 'http',
      umask: 0o027,
    });
    const { stdout } = await settled(lbproxy);
    expect(stdout).toMatch(new RegExp(`^${ports.map((port) => `site:site-${port} +${UP}`).join('')}$`));
  }, 60_000);
});
