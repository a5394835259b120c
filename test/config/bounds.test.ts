// What stands under the name of a configuration file: anything at all. A reading ends, says what is wrong, and takes no more than it may.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/cli/read-config.ts';
import { glob } from '../../src/config/glob.ts';
import { printNginx } from '../../src/config/print.ts';
import { makeCertificate } from '../support/certificates.ts';
import { runLbproxy } from '../support/cli.ts';
import { cpuMs, leastCpuMs } from '../support/cpu-time.ts';
import { MAIN } from '../support/main-file.ts';

let directory = '';
const at = (name: string): string => join(directory, name);
const write = (name: string, text: string | Buffer): string => {
  writeFileSync(at(name), text);
  return at(name);
};

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'lbproxy-bounds-'));
  execFileSync('mkfifo', [at('pipe')]);
  symlinkSync('/dev/zero', at('zero'));
  write('huge', '');
  truncateSync(at('huge'), 3 * 2 ** 30);
  mkdirSync(at('folder'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function problemsOf(file: string): string[] {
  return readConfig(file, {}).problems.list.map(({ message }) => message.replaceAll(`${directory}/`, ''));
}

const ODD: readonly (readonly [name: string, reason: RegExp])[] = [
  ['pipe', /it is a named pipe/],
  ['zero', /it is a device/],
  ['huge', /it is larger than \d MB/],
  ['folder', /it is a directory/],
];

describe('a file that is none', () => {
  it.each(ODD.filter(([name]) => name !== 'folder'))('%s as the configuration', (name, reason) => {
    const problems = problemsOf(at(name));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^cannot read this file: /);
    expect(problems[0]).toMatch(reason);
  });

  it('a folder without fragments as the configuration', () => {
    expect(problemsOf(at('folder'))).toEqual([
      'the folder has no file *.conf or *.ini: name a file, or another folder',
    ]);
  });

  it.each(ODD)('%s as an include', (name, reason) => {
    const problems = problemsOf(write('main.conf', `include ${name};\nhttp { server { listen 80; } }\n`));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^cannot include "${name}": `));
    expect(problems[0]).toMatch(reason);
  });

  it.each(ODD)('%s as a certificate, at -t and at a start', async (name, reason) => {
    const { key } = makeCertificate(directory, 'odd', 'odd.example');
    const tls = `ssl_certificate ${name}; ssl_certificate_key ${key};`;
    const file = write('tls.conf', `http { server { listen 127.0.0.1:0 ssl; ${tls} } }\n`);
    const tested = await runLbproxy(['-t', '-c', file]);
    expect(tested.code).toBe(1);
    expect(tested.stderr).toMatch(reason);
    const started = await runLbproxy(['-c', file]);
    expect(started.code).toBe(1);
    expect(started.stderr).toMatch(reason);
  });

  it.each(ODD)('%s as a key', async (name, reason) => {
    const { certificate } = makeCertificate(directory, 'odd', 'odd.example');
    const tls = `ssl_certificate ${certificate}; ssl_certificate_key ${name};`;
    const file = write('tls.conf', `http { server { listen 127.0.0.1:0 ssl; ${tls} } }\n`);
    const { code, stderr } = await runLbproxy(['-t', '-c', file]);
    expect(code).toBe(1);
    expect(stderr).toMatch(reason);
  });

  it('comments alone, as many as there is room for', () => {
    expect(problemsOf(write('comments.conf', '#\n'.repeat(4_000_000)))).toEqual([
      expect.stringMatching(/^nothing to do: no server, and no program/),
    ]);
  });

  it('/dev/null includes nothing', () => {
    expect(problemsOf(write('main.conf', 'include /dev/null;\nhttp { server { listen 80; } }\n'))).toEqual(
      [],
    );
  });

  it('the input of the shell is read', () => {
    const text = 'http { server { listen 127.0.0.1:8099; } }';
    const shell = `(sleep 0.2; echo '${text}') | "${process.execPath}" "${MAIN}" -t -c /dev/stdin 2>&1`;
    expect(execFileSync('sh', ['-c', shell], { encoding: 'utf8', timeout: 25_000 })).toContain(
      'test is successful',
    );
  });
});

describe('includes', () => {
  it('in a chain', () => {
    for (let i = 1; i < 1000; i++) write(`chain-${i}.conf`, `include chain-${i + 1}.conf;\n`);
    const problems = problemsOf(at('chain-1.conf'));
    expect(problems.filter((problem) => problem.includes('more than 50 deep'))).toHaveLength(1);
  });

  it('fifty deep are read', () => {
    for (let i = 1; i <= 50; i++) write(`good-${i}.conf`, `include good-${i + 1}.conf;\n`);
    write('good-51.conf', 'http { server { listen 80; } }\n');
    expect(problemsOf(at('good-1.conf'))).toEqual([]);
  });

  it('that double', () => {
    for (let i = 1; i < 25; i++) write(`twice-${i}.conf`, `include twice-${i + 1}.conf;\n`.repeat(2));
    write('twice-25.conf', '# the end\n');
    const problems = problemsOf(at('twice-1.conf'));
    expect(problems.filter((problem) => /more than 50000 files are included/.test(problem))).toHaveLength(1);
  });

  it('of the same large file', () => {
    write('large.conf', `# ${'x'.repeat(3 * 2 ** 20)}\n`);
    const problems = problemsOf(write('main.conf', 'include large.conf;\n'.repeat(9)));
    expect(problems.filter((problem) => /larger than 8 MB together/.test(problem))).toHaveLength(1);
  });

  it('through blocks of blocks', () => {
    for (let i = 1; i < 40; i++)
      write(
        `deep-${i}.conf`,
        `${'location /x { '.repeat(90)} include deep-${i + 1}.conf; ${'} '.repeat(90)}`,
      );
    const problems = problemsOf(write('main.conf', 'http { server { listen 80; include deep-1.conf; } }\n'));
    expect(problems.filter((problem) => /blocks nest more than 100 deep/.test(problem))).toHaveLength(1);
  });

  it('with JSON nested as deep as it may be', () => {
    const file = write('deep.json', `${'{"a":'.repeat(400)}{}${'}'.repeat(400)}`);
    const { tree, problems } = readConfig(file, {});
    expect(problems.list.map(({ message }) => message)).toContain(
      'blocks nest more than 100 deep: flatten them',
    );
    expect(printNginx(tree?.directives ?? []).length).toBeLessThan(100_000);
  });

  it('of a pattern that matches more than anybody means', () => {
    for (let i = 0; i < 30; i++) write(`folder/${i}`, '');
    expect(glob(directory, 'folder/*', 30)).toHaveLength(30);
    expect(glob(directory, 'folder/*', 29)).toBeUndefined();
  });

  it('of a pattern of many stars', async () => {
    write(`folder/${'a'.repeat(200)}`, '');
    const find = (): void => {
      expect(glob(directory, `folder/${'*a'.repeat(90)}*b`)).toEqual([]);
      expect(glob(directory, `folder/${'*a'.repeat(90)}*`)).toHaveLength(1);
      expect(glob(directory, `folder/${'['.repeat(200_000)}`)).toEqual([]);
    };
    expect(await leastCpuMs(() => cpuMs(find), 2000)).toBeLessThan(2000);
  });
});

describe('a text that is no UTF-8', () => {
  const text = 'http {\n  server { listen 80; }\n}\n';
  const swapped = (bytes: Buffer): Buffer => Buffer.from(bytes).swap16();

  it.each([
    ['UTF-16, little-endian', Buffer.from(`\uFEFF${text}`, 'utf16le'), /it is UTF-16: .* iconv -f UTF-16 -t/],
    ['UTF-16, big-endian', swapped(Buffer.from(`\uFEFF${text}`, 'utf16le')), /it is UTF-16: .* -f UTF-16 /],
    ['UTF-16 without a mark', Buffer.from(text, 'utf16le'), /it is UTF-16 without .* -f UTF-16LE /],
    ['UTF-16 without one, big-endian', swapped(Buffer.from(text, 'utf16le')), /without .* -f UTF-16BE /],
    ['NUL bytes', Buffer.from(text.replace('80', '8\0\0')), /a NUL byte is in line 2 \(of 2\)/],
  ])('%s', (_, bytes, reason) => {
    const main = problemsOf(write('main.conf', bytes));
    expect(main).toHaveLength(1);
    expect(main[0]).toMatch(reason);
    write('part.conf', bytes);
    const included = problemsOf(write('main.conf', 'include part.conf;\nhttp { server { listen 80; } }\n'));
    expect(included).toHaveLength(1);
    expect(included[0]).toMatch(reason);
  });

  it('a byte order mark does no harm', () => {
    expect(problemsOf(write('main.conf', `\uFEFF${text}`))).toEqual([]);
    expect(problemsOf(write('main.json', '\uFEFF{ "servers": [{ "listen": 80 }] }'))).toEqual([]);
  });
});

describe('a no-break space', () => {
  const said = /^a no-break space \(U\+00A0\) stands here/;

  it('in names is one error, with its number', () => {
    const file = write(
      'main.conf',
      'http { server { listen 80;\u00a0root\u00a0/x;\n\u00a0index\u00a0x; } }\n',
    );
    const { list } = readConfig(file, {}).problems;
    expect(list).toHaveLength(1);
    expect(list[0].message).toMatch(said);
    expect(list[0]).toMatchObject({ severity: 'error', times: 2, at: { line: 1, column: 27 } });
  });

  it('in arguments is a warning, in quotes a letter', () => {
    const file = write(
      'main.conf',
      'http { server { listen 80; location / { return 200 "a\u00a0b"; } location /x\u00a0y { return 204; } } }\n',
    );
    const { list } = readConfig(file, {}).problems;
    expect(list).toHaveLength(1);
    expect(list[0].message).toMatch(said);
    expect(list[0]).toMatchObject({ severity: 'warning', at: { line: 1, column: 72 } });
  });

  it('in JSON is one error, and in quotes a letter', () => {
    const text = '{\n\u00a0\u00a0"servers": [{\u00a0"listen": 80, "server_name":\u00a0"a.example" }]\u00a0}';
    const { list } = readConfig(write('main.json', text), {}).problems;
    expect(list).toHaveLength(1);
    expect(list[0].message).toMatch(said);
    expect(list[0]).toMatchObject({ severity: 'error', times: 5, at: { line: 2, column: 1 } });
    const quoted = '{ "servers": [{ "listen": 80, "locations": { "/": { "return": [200, "a\u00a0b"] } } }] }';
    expect(problemsOf(write('main.json', quoted))).toEqual([]);
  });
});
