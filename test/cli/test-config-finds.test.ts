// What -t says of configurations that can be read but would not work: names that lead nowhere, things that stand twice, programs
// that cannot be started.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CliResult, runLbproxy } from '../support/cli.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-'));
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
function problemsOf({ stderr }: CliResult): string[] {
  return [...stderr.matchAll(/^a\.\w+:(\d+:\d+: .*)$/gm)].map(([, problem]) => problem);
}

const passTo = (url: string, more = ''): string =>
  `${more} http { upstream backend { server 127.0.0.1:8001; }\n server { listen 127.0.0.1:0; location / { proxy_pass ${url}; } } }`;

describe('a proxy_pass to', () => {
  it('a name that is nothing is an error, with what was meant', async () => {
    const typo = await test(passTo('http://bakcend'));
    expect(problemsOf(typo)).toEqual([
      expect.stringMatching(
        /^2:55: there is no upstream or program "bakcend", and no host of that name \([A-Z_]+\); did you mean "backend"\?$/,
      ),
    ]);
    expect(typo.code).toBe(1);
    const other = await test(passTo('http://nowhere-at-all/x'));
    expect(problemsOf(other)).toEqual([
      expect.stringMatching(/no host of that name \([A-Z_]+\); define it, or correct the name$/),
    ]);
    expect(other.code).toBe(1);
  });

  it('a name inside of an if is looked at too', async () => {
    const inner = 'if ($arg_a) { proxy_pass http://bakcend; } location /in/ { proxy_pass http://bakcned; }';
    const result = await test(
      `http { upstream backend { server 127.0.0.1:8001; }\n server { listen 127.0.0.1:0; location / { ${inner} } } }`,
    );
    expect(problemsOf(result)).toEqual([
      expect.stringContaining('no upstream or program "bakcend"'),
      expect.stringContaining('no upstream or program "bakcned"'),
    ]);
  });

  it('a name with a port may be a host that the DNS does not know yet: a warning', async () => {
    const result = await test(passTo('http://bakcend:3000'));
    expect(problemsOf(result)).toEqual([
      expect.stringMatching(
        /^2:55: warning: the host name "bakcend" does not resolve \([A-Z_]+\): there is no peer until it does$/,
      ),
    ]);
    expect(result.code).toBe(0);
    const peer = await test(passTo('http://backend').replace('127.0.0.1:8001', 'app-of-compose:8001'));
    expect(problemsOf(peer)).toEqual([
      expect.stringContaining('warning: the host name "app-of-compose" does not resolve'),
    ]);
    expect(peer.code).toBe(0);
  });

  it.each([
    ['http://$arg_h', '$arg_h'],
    ['http://$http_x:8080/x', '$http_x'],
    ['http://a.$cookie_h.internal/', '$cookie_h'],
    ['http://$host$request_uri', '$host'],
    ['$arg_url', '$arg_url'],
    ['$scheme://$arg_h/$uri', '$arg_h'],
    ['http://$backend', '$backend, which is made of $arg_h', 'set $backend b$other; set $other "x$arg_h";'],
    ['http://$name', '$name', 'if ($uri ~ ^/(?<name>.*)) { break; }'],
    ['http://$name', '$name', `if ($uri ~ "^/(?'name'.*)") { break; }`],
    ['http://$1', '$1', 'rewrite ^/(.*) /$1 break;'],
    ['http://$free', '$free, which is made of $arg_h', '', 'map $uri $free { default a; /b $Arg_h; }'],
    ['http://$free', '$free, which is made of $1', '', 'map $uri $free { ~^/(.*) $1; }'],
    ['http://$part', '$part', '', 'map $uri $free { ~^/(?<part>.*) x; }'],
  ])('%s, which a client can choose, is a warning', async (url, from, script = '', map = '') => {
    const text = passTo(url).replace('proxy_pass', `${script} proxy_pass`);
    const result = await test(text.replace('http {', `http { ${map}`));
    expect(problemsOf(result)).toEqual([
      expect.stringMatching(/^2:\d+: warning: a client can choose the host that this leads to/),
    ]);
    expect(result.stderr).toContain(`it comes from ${from}; let it choose among names that stand here`);
    expect(result.code).toBe(0);
  });

  it('a capture is one unless it begins with a slash', async () => {
    const captured = (pattern: string, url: string): Promise<CliResult> =>
      test(passTo(url).replace('location /', `location ~ ${pattern}`));
    expect(problemsOf(await captured('^/(a)(b.*)$', 'http://backend$2'))).toHaveLength(1);
    expect(problemsOf(await captured('^/(?<a>b.*)(/.*)$', 'http://backend$a'))).toHaveLength(1);
    expect(problemsOf(await captured('^/(?:/)(\\(.)(/.*)?$', 'http://backend$2'))).toEqual([]);
    expect(problemsOf(await captured('^/(?<a>/.*)$', 'http://backend$a$is_args$args'))).toEqual([]);
  });

  it.each([
    ['http://backend$request_uri'],
    ['http://backend$uri$is_args$args'],
    ['http://backend/$arg_a'],
    ['http://backend?$args'],
    ['http://$server_addr:8080'],
    ['http://$backend', 'set $backend backend;'],
    ['http://$pool', '', 'map $arg_h $pool { default backend; other backend; }'],
  ])('%s is no choice of the client', async (url, script = '', map = '') => {
    const text = passTo(url).replace('proxy_pass', `${script} proxy_pass`);
    const result = await test(text.replace('http {', `http { ${map}`));
    expect(problemsOf(result)).toEqual([]);
  });

  it('an upstream or program with a port is an error', async () => {
    const upstream = await test(passTo('http://backend:8001/x'));
    expect(problemsOf(upstream)).toEqual([
      '2:55: "backend" is an upstream, whose servers have ports of their own; write http://backend',
    ]);
    const program = await test(
      passTo('http://web:8001', 'program web { command "node a.js"; first_port 8001; }'),
    );
    expect(problemsOf(program)).toEqual([
      '2:55: "web" is a program, whose processes have ports of their own; write http://web',
    ]);
  });

  it.each([
    'http://localhost',
    'http://localhost:3000',
    'http://127.0.0.1',
    'http://[::1]:3000',
    'http://backend/x',
    'http://unix:/tmp/a.sock',
  ])('%s is good', async (url) => {
    expect(problemsOf(await test(passTo(url)))).toEqual([]);
  });

  it('a program needs no upstream, but a port', async () => {
    const good = await test(
      passTo('http://web', 'program web { command "node a.js {port}"; first_port 8001; }'),
    );
    expect(problemsOf(good)).toEqual([]);
    const portless = await test(passTo('http://web', 'program web { command "node a.js"; }'));
    expect(problemsOf(portless)).toEqual([
      expect.stringMatching(/^2:55: .*program "web", whose ports are not known: add first_port/),
    ]);
  });
});

describe('things that stand twice', () => {
  const server = (text: string): string => `http {\nserver { listen 127.0.0.1:0;\n${text}\n} }`;

  it.each([
    ['location /a/ { return 204; } location ^~ /a/ { return 205; }', '3:30: location "/a/"'],
    ['location = /a { return 204; } location =/a { return 205; }', '3:31: location "= /a"'],
    ['location /a { location /a/b { return 204; } location /a/b { return 205; } }', '3:45: location "/a/b"'],
  ])('%s is an error', async (text, start) => {
    const result = await test(server(text));
    expect(problemsOf(result)).toEqual([
      expect.stringMatching(/exists already in this block, at a\.conf:3:\d+$/),
    ]);
    expect(problemsOf(result)[0].startsWith(start)).toBe(true);
    expect(result.code).toBe(1);
  });

  it('a regular expression is never reached: a warning, as nginx takes it', async () => {
    const twice = 'location ~ \\.php$ { return 204; } location ~ \\.php$ { return 205; }';
    const result = await test(server(twice));
    expect(problemsOf(result)).toEqual([
      '3:35: warning: location "~ \\.php$" is never reached: the one at a.conf:3:1 takes its requests',
    ]);
    expect(result.code).toBe(0);
  });

  it.each([
    'location /a { return 204; } location = /a { return 205; }',
    'location ~ a { return 204; } location ~* a { return 205; } location a { return 206; }',
    'location /a { location /b/ { return 204; } } location /b/ { return 205; }',
  ])('%s is none', async (text) => {
    expect(problemsOf(await test(server(text))).filter((p) => !p.includes('matches no request'))).toEqual([]);
  });

  it.each([
    ['listen 8080; listen 8080;', '*:8080'],
    ['listen 8080; listen 0.0.0.0:8080 default_server;', '*:8080'],
    ['listen [::1]:8080; listen [::1]:8080;', '[::1]:8080'],
    ['listen unix:/tmp/a; listen unix:/tmp/a;', 'unix:/tmp/a'],
  ])('%s in one server is an error', async (text, address) => {
    const result = await test(`http {\nserver { ${text} return 204;\n} }`);
    const column = `server { ${text}`.lastIndexOf('listen ') + 'listen '.length + 1;
    expect(problemsOf(result)).toEqual([`2:${column}: this server listens on ${address} twice; remove one`]);
    expect(result.code).toBe(1);
  });

  it('a listen in a JSON list is an error too', async () => {
    const result = await test('{ "servers": [{ "listen": [8080, "8080"], "return": "204" }] }');
    expect(problemsOf(result)).toEqual(['1:35: this server listens on *:8080 twice; remove one']);
  });

  it('all addresses of two servers are one, however they are written', async () => {
    const two = 'server { listen 8080; server_name a; } server { listen 0.0.0.0:8080; server_name a; }';
    expect(problemsOf(await test(`http { ${two} }`))).toEqual([
      expect.stringContaining('warning: conflicting server name "a" on *:8080'),
    ]);
  });
});

describe('a program', () => {
  const program = (lines: string): string =>
    `program web {\n${lines}\n}\nhttp { server { listen 127.0.0.1:0; return 204; } }`;

  it.each([
    [
      'command no-such-command-anywhere;',
      /"no-such-command-anywhere" was not found in PATH.*: correct command$/,
    ],
    ['command ./none.sh;', /"\.\/none\.sh" was not found from .*: correct command$/],
    ['command ./plain.txt;', /"\.\/plain\.txt" may not be run \(permission denied\): chmod \+x it/],
    ['command ./folder;', /"\.\/folder" may not be run \(permission denied\)/],
    [
      'command node; directory none;',
      /its directory .*\/none does not exist: create it or correct directory$/,
    ],
    [
      'command node; directory plain.txt;',
      /its directory .*\/plain\.txt is not a directory: correct directory$/,
    ],
    ['command node; environment PATH=/nowhere;', /"node" was not found in PATH/],
  ])('with %s cannot start: an error', async (lines, problem) => {
    writeFileSync(join(dir, 'plain.txt'), '');
    mkdirSync(join(dir, 'folder'));
    const result = await test(program(lines));
    expect(problemsOf(result)).toEqual([expect.stringMatching(/^1:1: program "web": /)]);
    expect(problemsOf(result)[0]).toMatch(problem);
    expect(result.code).toBe(1);
  });

  it.each([
    'command ./run.sh;',
    'command "../run.sh a"; directory folder;',
    'command run.sh; environment PATH=.:/bin;',
  ])('with %s can', async (lines) => {
    writeFileSync(join(dir, 'run.sh'), '#!/bin/sh\n');
    chmodSync(join(dir, 'run.sh'), 0o755);
    mkdirSync(join(dir, 'folder'));
    expect(problemsOf(await test(program(lines)))).toEqual([]);
  });

  it.each([
    ['command "node a.js --port={prot}"; first_port 8001;', '{prot}', 'write {port}'],
    ['command "node a.js --port={PORT}"; first_port 8001;', '{PORT}', 'write {port}'],
    ['command "node a.js {process_num}";', '{process_num}', 'write %(process_num)d'],
    ['command node; process_name "web-{indx}";', '{indx}', 'write {index}'],
    ['command node; environment "A={program_name}";', '{program_name}', 'write %(program_name)s'],
  ])('with %s has a placeholder that is none: an error', async (lines, form, advice) => {
    const result = await test(program(lines));
    expect(problemsOf(result)).toEqual([`1:1: program "web": ${form} is not known: ${advice}`]);
    expect(result.code).toBe(1);
  });

  it('with another word in braces gets it as it stands, with a warning', async () => {
    const result = await test(program(`command "node -e '() => {print}' {\\"a\\":1} \${HOME}";`));
    expect(problemsOf(result)).toEqual([
      '1:1: warning: program "web": {print} stays as it is: known are {port} and {index}',
      `1:1: warning: program "web": \${HOME} stays as it is: no shell runs the command, write %(ENV_HOME)s`,
    ]);
    expect(result.code).toBe(0);
  });
});
