// -t and -T: every problem at once with its place and the next step, and what a good configuration prints.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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

/** Runs lbproxy in the temporary directory, which keeps its state too. */
function run(...args: string[]): Promise<CliResult> {
  return runLbproxy(args, { cwd: dir, env: { XDG_STATE_HOME: join(dir, 'state') } });
}

function file(name: string, ...lines: string[]): string {
  writeFileSync(join(dir, name), `${lines.join('\n')}\n`);
  return name;
}

const good = (name = 'nginx.conf') =>
  file(
    name,
    'http {',
    '    upstream app { server 127.0.0.1:8001 weight=2; }',
    '    server {',
    '        listen 127.0.0.1:8080;',
    '        location / { proxy_pass http://app; }',
    '    }',
    '}',
  );

const goodJson = () =>
  file(
    'lbproxy.json',
    '{',
    '  "upstreams": { "app": { "servers": [{ "address": "127.0.0.1:8001", "weight": 2 }] } },',
    '  "servers": [{ "listen": "127.0.0.1:8080", "locations": { "/": { "proxy_pass": "http://app" } } }]',
    '}',
  );

describe('-t', () => {
  it('says on stderr that a good file is good, and ends with 0', async () => {
    const { code, stdout, stderr } = await run('-t', '-c', good());
    expect(stderr).toBe(
      'lbproxy: the configuration file nginx.conf syntax is ok\n' +
        'lbproxy: configuration file nginx.conf test is successful\n',
    );
    expect(stdout).toBe('');
    expect(code).toBe(0);
  });

  it('with -q says nothing of a good file and everything of a bad one', async () => {
    expect(await run('-t', '-q', '-c', good())).toEqual({ code: 0, stdout: '', stderr: '' });
    const { code, stderr } = await run('-tq', '-c', file('bad.conf', 'http { etag maybe; }'));
    expect(stderr).toContain('bad.conf:1:13: "etag": "maybe" is not "on" or "off"');
    expect(code).toBe(1);
  });

  it('prints all problems of an nginx file in the order of their places', async () => {
    const name = file(
      'bad.conf',
      'http {',
      '  upstream app { server 127.0.0.1:8001; server 127.0.0.1:8002 wieght=2; }',
      '  upstream empty { }',
      '  server {',
      '    listne 8080;',
      '    listen 99999;',
      '    location / {',
      '      server_name x;',
      '      proxy_set_header Host $htp_host;',
      '      proxy_read_timeout soon;',
      '    }',
      '  }',
      '}',
    );
    const { code, stderr } = await run('-t', '-c', name);
    const places = [...stderr.matchAll(/^bad\.conf:(\d+:\d+): (.*)$/gm)].map(([, at, text]) => [at, text]);
    expect(places).toEqual([
      ['2:63', expect.stringContaining('invalid parameter "wieght=2"; there are weight=')],
      ['3:3', expect.stringContaining('upstream "empty" has no servers; add "server host:port"')],
      ['5:5', 'unknown directive "listne"; did you mean "listen"?'],
      ['6:12', expect.stringContaining('"99999" is no address to listen on; write a port')],
      ['8:7', '"server_name" is not allowed in location; it goes in server'],
      ['9:29', 'unknown variable "$htp_host"; did you mean "$http_host"?'],
      ['10:26', expect.stringContaining('"soon" is not a time such as 60s')],
    ]);
    expect(stderr).toMatch(/lbproxy: configuration file bad\.conf test failed\n$/);
    expect(code).toBe(1);
  });

  it('prints the line and a caret under the place', async () => {
    const { stderr } = await run(
      '-t',
      '-c',
      file('bad.conf', 'http {', '\tserver {', '\t  listne 1;', '\t}', '}'),
    );
    expect(stderr.split('\n').slice(0, 3)).toEqual([
      'bad.conf:3:4: unknown directive "listne"; did you mean "listen"?',
      '    \t  listne 1;',
      '    \t  ^',
    ]);
  });

  it('prints the places of a JSON file', async () => {
    const name = file(
      'bad.json',
      '{',
      '  "upstreams": { "app": { "servers": ["127.0.0.1"], "metod": "ip_hash" } },',
      '  "servers": [',
      '    { "listen": "8443 ssl", "locations": { "/": { "proxy_pass": "app" } } }',
      '  ]',
      '}',
    );
    const { code, stderr } = await run('-t', '-c', name);
    expect(stderr).toContain('bad.json:2:53: unknown directive "metod"; did you mean "method"?');
    expect(stderr).toContain('bad.json:4:65: "app" is no URL; write http://app');
    expect(stderr).toMatch(/bad\.json:4:\d+: this server listens with ssl but has no ssl_certificate/);
    expect(code).toBe(1);
  });

  it('tries what the files name: a certificate and a key that are missing are told at their directives', async () => {
    const name = file(
      'tls.conf',
      'http {',
      '  server { listen 8443 ssl; ssl_certificate none.pem; ssl_certificate_key none.key; }',
      '}',
    );
    const { code, stderr } = await run('-t', '-c', name);
    expect(stderr).toMatch(
      /^tls\.conf:2:29: ssl_certificate .*none\.pem cannot be read: there is no such file/m,
    );
    expect(stderr).toMatch(
      /^tls\.conf:2:55: ssl_certificate_key .*none\.key cannot be read: there is no such file/m,
    );
    expect(code).toBe(1);
  });

  it('tries logs too, without making any', async () => {
    const name = file(
      'log.conf',
      'error_log none/error.log;',
      'http { access_log log.conf/access.log; access_log new.log; server { listen 8080; access_log .; } }',
    );
    const { code, stderr } = await run('-t', '-c', name);
    expect(stderr).toMatch(/^log\.conf:1:1: error_log .* the directory ".*none" does not exist/m);
    expect(stderr).toMatch(/^log\.conf:2:8: access_log .* "\/.*log\.conf" is not a directory/m);
    expect(stderr).toMatch(/^log\.conf:2:82: access_log .* it is a directory/m);
    expect(existsSync(join(dir, 'new.log'))).toBe(false);
    expect(code).toBe(1);
  });

  it('warnings leave the file good', async () => {
    const name = file(
      'old.conf',
      'server {',
      '  listen 127.0.0.1:8443;',
      '  ssl on;',
      '  ssl_certificate self-signed;',
      '}',
    );
    const { code, stderr } = await run('-t', '-c', name);
    expect(stderr).toContain('old.conf:1:1: warning: "server" stands outside of "http { }"');
    expect(stderr).toContain(
      'old.conf:3:3: warning: "ssl on" is the old form; write "listen 443 ssl;" instead',
    );
    expect(stderr).toContain('test is successful');
    expect(code).toBe(0);
  });

  it.each([
    ['empty.conf', '', '1:1'],
    ['comments.conf', '# only\n  # comments\n', '1:1'],
    ['bare.conf', 'worker_processes 1;\nevents { }\nhttp { }\n', '3:1'],
    ['cut.conf', 'worker_processes 1;\nevents { worker_connections 10; }\n', '1:1'],
    ['peers.conf', 'http { upstream a { server 127.0.0.1:1; } }', '1:1'],
    ['include.conf', 'http { include sites/*.conf; }', '1:1'],
    ['empty.json', '{}', '1:1'],
    ['none.json', '{ "servers": [] }', '1:1'],
    ['peers.json', '{ "upstreams": { "a": { "servers": ["127.0.0.1:1"] } } }', '1:1'],
  ])('refuses %s, which serves nothing', async (name, text, place) => {
    writeFileSync(join(dir, name), text);
    for (const args of [['-t'], []]) {
      const { code, stderr } = await run(...args, '-c', name);
      expect(stderr).toContain(`${name}:${place}: nothing to do: no server, and no program; add `);
      expect(code).toBe(1);
    }
  });

  it.each([
    ['blank.json', ' '],
    ['null.json', 'null'],
    ['list.json', '[]'],
    ['cut.json', '{ "servers": [{ "listen": 8080'],
  ])('refuses %s, which is no configuration', async (name, text) => {
    writeFileSync(join(dir, name), text);
    const { code, stderr } = await run('-t', '-c', name);
    expect(stderr).toMatch(new RegExp(`^${name}:1:\\d+: `));
    expect(code).toBe(1);
  });

  it.each([
    ['programs.conf', 'program a { command "sleep 1"; }'],
    ['programs.json', '{ "programs": { "a": { "command": "sleep 1" } } }'],
  ])('%s may have programs alone', async (name, text) => {
    writeFileSync(join(dir, name), text);
    expect(await run('-tq', '-c', name)).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('names a file that is not there', async () => {
    const { code, stderr } = await run('-t', '-c', 'none.conf');
    expect(stderr).toContain('none.conf:1:1: cannot read this file: there is no such file');
    expect(code).toBe(1);
  });
});

describe('-T', () => {
  it('prints an nginx file, and what it includes, as it is', async () => {
    file('types.conf', 'types { text/html html; } # as it is');
    const text = ['http {  # a comment', '  include types.conf;', '  server { listen 8080; }', '}'];
    const { code, stdout, stderr } = await run('-T', '-c', file('nginx.conf', ...text));
    expect(stdout).toBe(
      `# configuration file nginx.conf:\n${text.join('\n')}\n\n` +
        '# configuration file types.conf:\ntypes { text/html html; } # as it is\n\n',
    );
    expect(stderr).toContain('test is successful');
    expect(code).toBe(0);
  });

  it('prints a JSON file as the nginx file that it amounts to', async () => {
    const { code, stdout } = await run('-T', '-q', '-c', goodJson());
    expect(code).toBe(0);
    for (const line of ['upstream app {', 'server 127.0.0.1:8001 weight=2;', 'proxy_pass http://app;'])
      expect(stdout).toContain(line);
    writeFileSync(join(dir, 'printed.conf'), stdout);
    expect((await run('-t', '-q', '-c', 'printed.conf')).code).toBe(0);
  });

  it('prints nothing of a bad file but its problems', async () => {
    const { code, stdout, stderr } = await run('-T', '-c', file('bad.conf', 'http { listne 1; }'));
    expect(stdout).toBe('');
    expect(stderr).toContain('unknown directive "listne"');
    expect(code).toBe(1);
  });
});

describe('which configuration', () => {
  it('without -c is the first candidate of the directory', async () => {
    good();
    expect((await run('-t')).stderr).toContain('configuration file nginx.conf test is successful');
    goodJson();
    expect((await run('-t')).stderr).toContain('configuration file lbproxy.json test is successful');
  });

  it('without any says what would be taken', async () => {
    const { code, stderr } = await run('-t');
    expect(stderr).toContain('no configuration: name one with --config FILE, or put one of upstreams.json');
    expect(code).toBe(1);
  });

  it('-p says where it is looked for and where relative paths start', async () => {
    const name = good();
    const elsewhere = await runLbproxy(['-p', dir, '-t', '-c', name], { cwd: tmpdir() });
    expect(elsewhere.stderr).toContain(`configuration file ${join(dir, name)} test is successful`);
    expect(elsewhere.code).toBe(0);
    file(
      'root.conf',
      'http { server { listen 8443 ssl; ssl_certificate a.pem; ssl_certificate_key a.key; } }',
    );
    const { stderr } = await run('-t', '-c', 'root.conf', '-p', join(dir, 'else', 'where'));
    expect(stderr).toContain(join(dir, 'else', 'where', 'a.pem'));
  });

  it('-g stands before the file: its directives count, its problems have their place', async () => {
    const name = good();
    const dump = await run('-T', '-q', '-c', goodJson(), '-g', 'worker_processes 3;');
    expect(dump.stdout).toContain('worker_processes 3;');
    const twice = await run(
      '-t',
      '-c',
      file('two.conf', 'worker_processes 2;', 'http { server { listen 8080; } }'),
      '-g',
      'worker_processes 3;',
    );
    expect(twice.stderr).toContain('two.conf:1:1: "worker_processes" is given twice');
    expect(twice.code).toBe(1);
    const bad = await run('-t', '-c', name, '-g', 'eror_log stderr;');
    expect(bad.stderr).toContain('(-g):1:1: unknown directive "eror_log"; did you mean "error_log"?');
    expect(bad.stderr).toContain('    eror_log stderr;\n    ^\n');
    expect(bad.code).toBe(1);
  });
});
