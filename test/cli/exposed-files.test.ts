// What -t and a start warn of: keys that others can read, what a root hands out, a user that is not taken.
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { warnOfUser } from '../../src/cli/check-user.ts';
import { parse } from '../../src/config/nginx/parse.ts';
import { Problems } from '../../src/config/problem.ts';
import { type Certificate, makeCertificate } from '../support/certificates.ts';
import { type CliResult, runLbproxy } from '../support/cli.ts';
import { startLbproxy } from '../support/lbproxy-process.ts';
import { isRoot } from '../support/root.ts';

let kit = '';
let pair: Certificate;
beforeAll(() => {
  kit = mkdtempSync(join(tmpdir(), 'lbproxy-'));
  pair = makeCertificate(kit, 'a', 'a.example');
});
afterAll(() => rmSync(kit, { recursive: true, force: true }));

let dir = '';
beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'lbproxy-')));
  chmodSync(dir, 0o755);
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

function test(text: string): Promise<CliResult> {
  const file = text.startsWith('{') ? 'a.json' : 'a.conf';
  writeFileSync(join(dir, file), text);
  return runLbproxy(['-t', '-q', '-c', file], { cwd: dir, env: { XDG_STATE_HOME: join(dir, 'state') } });
}

/** The problems as `line:column: text`, without the lines of the source. */
const problemsOf = ({ stderr }: CliResult): string[] =>
  [...stderr.matchAll(/^a\.\w+:(\d+:\d+: .*)$/gm)].map(([, problem]) => problem);

describe('a key', () => {
  const config = (key: string): string =>
    `http {\n ssl_certificate ${pair.certificate};\n ssl_certificate_key ${key};\n server { listen 127.0.0.1:1 ssl; }\n server { listen 127.0.0.1:2 ssl; } }`;

  async function warnings(mode: number, directory = 0o755): Promise<string[]> {
    mkdirSync(join(dir, 'keys'));
    const key = join(dir, 'keys', 'a.key');
    writeFileSync(key, readFileSync(pair.key));
    chmodSync(key, mode);
    chmodSync(join(dir, 'keys'), directory);
    const result = await test(config(key));
    expect(result.code).toBe(0);
    return problemsOf(result);
  }

  it.each([
    [0o644, 'read'],
    [0o604, 'read'],
    [0o602, 'write'],
    [0o620, 'write'],
    [0o666, 'read and write'],
  ])('of mode %o is warned of, once, at its directive', async (mode, what) => {
    const key = join(dir, 'keys', 'a.key');
    expect(await warnings(mode)).toEqual([
      `3:2: warning: ssl_certificate_key ${key} (mode 0${mode.toString(8)}): others can ${what} it; chmod 600 ${key}`,
    ]);
  });

  it.each([0o600, 0o400, 0o640])('of mode %o is not', async (mode) => {
    expect(await warnings(mode)).toEqual([]);
  });

  it('in a directory that keeps others out is not', async () => {
    expect(await warnings(0o644, 0o750)).toEqual([]);
  });

  it('behind a link is what it is', async () => {
    mkdirSync(join(dir, 'live'));
    const key = join(dir, 'live', 'a.key');
    writeFileSync(key, readFileSync(pair.key));
    symlinkSync(key, join(dir, 'link.key'));
    chmodSync(key, 0o644);
    expect(problemsOf(await test(config(join(dir, 'link.key'))))).toEqual([
      expect.stringMatching(
        /^3:2: warning: ssl_certificate_key .*link\.key \(mode 0644\): others can read it/,
      ),
    ]);
    chmodSync(key, 0o600);
    expect(problemsOf(await test(config(join(dir, 'link.key'))))).toEqual([]);
  });

  it('is warned of by a start too', async () => {
    writeFileSync(join(dir, 'a.key'), readFileSync(pair.key));
    const text = `worker_processes 1; http { server { listen 127.0.0.1:PORT1 ssl; ssl_certificate ${pair.certificate}; ssl_certificate_key ${dir}/a.key; } }`;
    const lbproxy = await startLbproxy(text);
    expect(lbproxy.stderr()).toContain(`(mode 0644): others can read it; chmod 600 ${dir}/a.key`);
  });
});

describe('a root', () => {
  const good = 'location / { return 204; }';

  it('that holds the configuration, what it includes, keys, logs, state and the pid file is warned of', async () => {
    writeFileSync(join(dir, 'more.conf'), good);
    const result = await test(
      `pid run/lbproxy.pid; error_log error.log;\nhttp { access_log access.log; ssl_certificate self-signed;\n server { listen 127.0.0.1:1 ssl; include more.conf;\n  root .; } }`,
    );
    expect(result.code).toBe(0);
    expect(problemsOf(result)).toEqual([
      `4:3: warning: root ${dir} holds the configuration (a.conf, more.conf), the pid file (run/lbproxy.pid), a log (error.log, access.log), the state directory (state/lbproxy): whoever asks for them gets them; serve a directory of its own`,
    ]);
  });

  it.each([
    ['at http', `http { root DIR; server { listen 127.0.0.1:1; ${good} } }`],
    ['in a location', 'http { server { listen 127.0.0.1:1; location / { root DIR; } } }'],
    ['as an alias', 'http { server { listen 127.0.0.1:1; location /x/ { alias DIR/; } } }'],
    ['in an if', 'http { server { listen 127.0.0.1:1; location / { if ($arg_a) { root DIR; } } } }'],
    ['that is a directory above', `http { server { listen 127.0.0.1:1; root DIR/..; ${good} } }`],
    ['that is the file', 'http { server { listen 127.0.0.1:1; location = /x { alias DIR/a.conf; } } }'],
  ])('%s is warned of at its place', async (_, text) => {
    const result = await test(text.replace('DIR', dir));
    const column = Math.max(text.indexOf('root'), text.indexOf('alias')) + 1;
    const name = text.includes('root') ? 'root' : 'alias';
    expect(problemsOf(result)).toEqual([
      expect.stringMatching(new RegExp(`^1:${column}: warning: ${name} /.* holds the configuration \\(`)),
    ]);
    expect(result.code).toBe(0);
  });

  it('in JSON as well', async () => {
    const result = await test(`{ "servers": [{ "listen": "127.0.0.1:1",\n "root": "." }] }`);
    expect(problemsOf(result)).toEqual([
      expect.stringMatching(/^2:\d+: warning: root .* holds the configuration \(a\.json\)/),
    ]);
  });

  it('behind a link is what the link leads to', async () => {
    symlinkSync(dir, join(dir, 'www'));
    expect(problemsOf(await test('http { server { listen 127.0.0.1:1; root www; } }'))).toHaveLength(1);
  });

  it('beside them is not, nor is one that a request chooses', async () => {
    mkdirSync(join(dir, 'www'));
    writeFileSync(join(dir, 'www.conf'), '');
    for (const root of ['www', '$document_uri', 'www/$host', 'none/at/all'])
      expect(problemsOf(await test(`http { server { listen 127.0.0.1:1; root ${root}; } }`))).toEqual([]);
  });
});

describe('"user"', () => {
  const config = (user: string): string => `${user}\nhttp { server { listen 127.0.0.1:PORT1; return 204; } }`;

  it.runIf(isRoot)('without its effect is warned of, by -t and by a start', async () => {
    const text =
      '"user nobody" has no effect yet: lbproxy, its acceptors and its programs run as root; start lbproxy as that user (setpriv, systemd\'s User=, docker run --user), with CAP_NET_BIND_SERVICE for ports below 1024';
    const result = await test(config('user nobody;').replace('PORT1', '1'));
    expect(problemsOf(result)).toEqual([`1:1: warning: ${text}`]);
    expect(result.code).toBe(0);
    const lbproxy = await startLbproxy(config('user nobody nogroup;'));
    expect(lbproxy.stderr()).toContain('nginx.conf:1:1: warning: "user nobody nogroup" has no effect yet: ');
    expect(problemsOf(await test('{ "user": "nobody", "servers": [{ "listen": "127.0.0.1:1" }] }'))).toEqual([
      expect.stringMatching(/^1:\d+: warning: "user nobody" has no effect yet/),
    ]);
  });

  it.runIf(isRoot)('that is root itself is what happens', async () => {
    expect(problemsOf(await test(config('user root;').replace('PORT1', '1')))).toEqual([]);
    expect(problemsOf(await test(config('').replace('PORT1', '1')))).toEqual([]);
  });

  const IGNORED =
    '"user" makes sense only if lbproxy is started with super-user privileges: it is ignored, and lbproxy stays the user that it is';

  it('without super-user privileges is warned of as nginx does', () => {
    const problems = new Problems();
    const tree = {
      file: 'a.conf',
      syntax: 'nginx',
      sources: new Map(),
      directives: parse(config('user root;'), 'a.conf', problems),
    } as const;
    warnOfUser(tree, problems, 1000);
    expect(problems.list).toEqual([
      { severity: 'warning', at: { file: 'a.conf', line: 1, column: 1 }, message: IGNORED },
    ]);
  });
});
