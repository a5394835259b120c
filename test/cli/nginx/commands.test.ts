// The command called as nginx: what it prints and how it ends, beside Debian's nginx.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NGINX_VERSION } from '../../../src/face/face.ts';
import { type CliResult, runLbproxy } from '../../support/cli.ts';
import { freePorts } from '../../support/free-ports.ts';
import { MAIN } from '../../support/main-file.ts';
import { nginxVersion } from '../../support/nginx.ts';

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-nginx-'));
  for (const name of ['conf', 'logs', 'html']) mkdirSync(join(dir, name));
  writeFileSync(join(dir, 'conf/nginx.conf'), 'events { }\nhttp { server { listen 127.0.0.1:1; } }\n');
});
afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

const asNginx = (...args: string[]): Promise<CliResult> =>
  runLbproxy(['--as-nginx', ...args], { timeoutMs: 60_000 });

/** Of a configuration in conf/; stderr is the log, so that both print alike but for time and process. */
async function test(
  name: string,
  text: string,
  more: readonly string[],
): Promise<{ ours: string; theirs: string }> {
  writeFileSync(join(dir, 'conf', name), text);
  const args = ['-t', '-p', dir, '-c', `conf/${name}`, '-e', 'stderr', ...more];
  const ours = await asNginx(...args);
  const theirs = spawnSync('/usr/sbin/nginx', args, { encoding: 'utf8' });
  const plain = (said: string): string => said.replace(/^\S+ \S+ (\[\w+\]) \d+#\d+: /gm, '$1 ');
  return { ours: `${ours.code} ${plain(ours.stderr)}`, theirs: `${theirs.status} ${plain(theirs.stderr)}` };
}

describe('what it tells of itself', () => {
  it('-v is one line on stderr', async () => {
    expect(await asNginx('-v')).toEqual({
      code: 0,
      stdout: '',
      stderr: `nginx version: nginx/${NGINX_VERSION}\n`,
    });
  });

  it('-V has the lines that scripts look for', async () => {
    const { code, stderr } = await asNginx('-V');
    expect(code).toBe(0);
    expect(stderr).toMatch(/^built with OpenSSL \d+\.\d+\.\d+/m);
    expect(stderr).toMatch(/^TLS SNI support enabled$/m);
    expect(stderr).toMatch(/^configure arguments: --prefix=.*--with-http_ssl_module/m);
    expect(stderr).not.toMatch(/--build=|=dynamic|--with-debug/);
  });

  it('by a link of that name, too', async () => {
    const link = join(dir, 'nginx');
    symlinkSync(MAIN, link);
    expect((await runLbproxy(['-v'], { main: link })).stderr).toBe(`nginx version: nginx/${NGINX_VERSION}\n`);
  });

  it.skipIf(nginxVersion === '')("-h has nginx's lines but for its places", async () => {
    const theirs = spawnSync('/usr/sbin/nginx', ['-h'], { encoding: 'utf8' }).stderr;
    const lines = (text: string): string[] =>
      text.split('\n').map((line) => line.replace(/\(default: .*\)|nginx\/.*/, '…'));
    expect(lines((await asNginx('-h')).stderr)).toEqual(lines(theirs));
  });

  it('refuses what it does not know', async () => {
    expect(await asNginx('-x')).toMatchObject({ code: 1, stderr: 'nginx: invalid option: "x"\n' });
  });
});

/** Each is asked of both programs; nginx takes PORT for a moment, so it is a free one. */
const TEXTS: readonly (readonly [what: string, text: string, ...more: string[]])[] = [
  ['a good one', 'events { } http { server { listen 127.0.0.1:PORT; } }'],
  ['nothing to serve', 'events { }'],
  ['an unknown word', 'events { }\nhttp {\n foo;\n}'],
  ['a word in the wrong place', 'events { }\nhttp {\n listen 80;\n}'],
  ['too few arguments', 'events { } http { root; }'],
  ['a word that takes no block', 'events { } http { root /x { } }'],
  ['a block that has none', 'events { } http;'],
  ['a flag', 'events { } http { gzip maybe; }'],
  ['a number', 'events { } http { keepalive_requests x; }'],
  ['a time', 'events { } http { proxy_read_timeout x; }'],
  ['a directive twice', 'events { }\nhttp { sendfile on;\n sendfile off; }'],
  ['an address twice', 'events { } http { server { listen 127.0.0.1:PORT; listen 127.0.0.1:PORT; } }'],
  ['an unknown variable', 'events { } http { server { return 200 $nope; } }'],
  ['an unknown variable before another error', 'events { } http { server { return 200 $nope; }\nfoo; }'],
  [
    'an unknown variable and names twice',
    'events { } http { server { server_name a a; return 200 $nope; } }',
  ],
  ['a brace too many', 'events { } http { } }'],
  ['a brace too few', 'events { } http {'],
  ['no semicolon', 'events { } http { root /x }'],
  ['a directive over several lines', 'events { }\nhttp {\n  gzip\n    maybe\n  ;\n}'],
  [
    'an argument over several lines',
    'events { }\nhttp { log_format a "x\n\ny" "$nope"; keepalive_requests\n"1\n2"; }',
  ],
  ['a word in the wrong place over several lines', 'events { }\nhttp\n{\n listen\n 80\n ; }'],
  [
    'a block whose brace stands below',
    'events { } http { server { listen 127.0.0.1:PORT;\nlocation /a\n/b\n/c\n{ } } }',
  ],
  ['a block without name below', 'events { } http {\nupstream\n\n{ server a; } }'],
  ['an unknown word over several lines', 'events { } http {\n\nfoo\n bar\n { } }'],
  ['the second of two over several lines', 'events { } http {\nsendfile on; sendfile\n\noff; }'],
  ['a file that is not there', 'events { }\ninclude nope.conf;'],
  ['-g', 'events { }', '-g', 'foo bar;'],
  ['-q', 'events { }', '-q'],
];

describe.skipIf(nginxVersion === '')('-t says what nginx says', () => {
  let answers: readonly { ours: string; theirs: string }[] = [];
  beforeAll(async () => {
    const [port] = await freePorts(1);
    const asked = TEXTS.map(
      ([, text, ...more], i) =>
        () =>
          test(`asked${i}.conf`, text.replaceAll('PORT', String(port)), more),
    );
    const got: Awaited<ReturnType<typeof test>>[] = [];
    // A few at once: more would only wait for each other.
    for (let i = 0; i < asked.length; i += 4)
      got.push(...(await Promise.all(asked.slice(i, i + 4).map((ask) => ask()))));
    answers = got;
  }, 120_000);

  it.each(TEXTS.map(([what], i) => [what, i] as const))('of %s', (_what, i) => {
    expect(answers[i].ours).toBe(answers[i].theirs);
  });

  it('of a file that is not there', async () => {
    const args = ['-t', '-p', dir, '-c', 'gone.conf', '-e', 'stderr'];
    const { code, stderr } = await asNginx(...args);
    expect(code).toBe(1);
    const gone = join(dir, 'gone.conf');
    expect(stderr).toContain(`[emerg] `);
    expect(stderr).toContain(`open() "${gone}" failed (2: No such file or directory)\n`);
    expect(stderr).toContain(`nginx: configuration file ${gone} test failed\n`);
  });
});

describe('-t', () => {
  it('writes into the log of -e, and with the name of the program on stderr', async () => {
    writeFileSync(join(dir, 'conf/bad.conf'), 'foo;\n');
    const { stderr } = await asNginx('-t', '-p', dir, '-c', 'conf/bad.conf', '-e', 'logs/first.log');
    const text = `unknown directive "foo" in ${join(dir, 'conf/bad.conf')}:1`;
    expect(stderr).toContain(`nginx: [emerg] ${text}\n`);
    expect(readFileSync(join(dir, 'logs/first.log'), 'utf8')).toMatch(
      /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[emerg\] (\d+)#\1: unknown directive "foo" in .*\n$/,
    );
  });

  it('of what is not supported yet: an error, or with --allow-unsupported a warning', async () => {
    const conf = join(dir, 'conf/stream.conf');
    writeFileSync(conf, 'events { } stream { }\nhttp { server { listen 127.0.0.1:1; } }\n');
    const said = `"stream" directive is known to nginx but not supported yet in ${conf}:1\n`;
    const refused = await asNginx('-t', '-p', dir, '-c', 'conf/stream.conf');
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.stderr).toContain(`nginx: [emerg] ${said}`);
    const allowed = await asNginx('-t', '--allow-unsupported', '-p', dir, '-c', 'conf/stream.conf');
    expect(allowed).toMatchObject({ code: 0 });
    expect(allowed.stderr).toContain(`nginx: [warn] ${said}`);
  });

  it('-T prints the files as they are', async () => {
    const { code, stdout } = await asNginx('-T', '-p', dir);
    expect(code).toBe(0);
    const conf = join(dir, 'conf/nginx.conf');
    expect(stdout).toBe(`# configuration file ${conf}:\n${readFileSync(conf, 'utf8')}\n`);
  });
});

describe('-s', () => {
  it('without a pid file says which it is', async () => {
    const { code, stderr } = await asNginx('-s', 'reload', '-p', dir, '-e', 'logs/s.log');
    const pid = join(dir, 'logs/nginx.pid');
    expect(code).toBe(1);
    expect(stderr).toBe(`nginx: [error] open() "${pid}" failed (2: No such file or directory)\n`);
  });

  it('with one that holds no number', async () => {
    writeFileSync(join(dir, 'logs/nginx.pid'), 'x\n');
    const { code, stderr } = await asNginx('-s', 'stop', '-p', dir, '-e', 'logs/s.log');
    rmSync(join(dir, 'logs/nginx.pid'));
    expect(code).toBe(1);
    expect(stderr).toBe(`nginx: [error] invalid PID number "x" in "${join(dir, 'logs/nginx.pid')}"\n`);
  });
});
