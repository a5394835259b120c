// The one-line commands: what they are read as, the configuration that they are, ports that are taken.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CliOptions } from '../../src/cli/cli-options.ts';
import { convertTree, modelOfText } from '../../src/cli/convert/convert-tree.ts';
import { freePorts as freeFrom, whyPortUnusable } from '../../src/cli/start/free-port.ts';
import { type StartIo, start } from '../../src/cli/start/start.ts';
import { startTree } from '../../src/cli/start/start-tree.ts';
import { isStart, readFront, readStart, readTarget } from '../../src/cli/start/wish.ts';
import { buildModel } from '../../src/config/build.ts';
import { printJson } from '../../src/config/print-json.ts';
import { Problems } from '../../src/config/problem.ts';
import { shapeOf } from '../../src/config/registry.ts';
import { planGroups } from '../../src/supervise/process-spec.ts';
import { freePorts } from '../support/free-ports.ts';

const state = mkdtempSync(join(tmpdir(), 'lbproxy-start-'));
const stateBefore = process.env.XDG_STATE_HOME;
beforeAll(() => {
  process.env.XDG_STATE_HOME = state;
});
afterAll(() => {
  if (stateBefore === undefined) delete process.env.XDG_STATE_HOME;
  else process.env.XDG_STATE_HOME = stateBefore;
  rmSync(state, { recursive: true, force: true });
});

const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done))));
});

function listen(port: number, host = '127.0.0.1'): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    servers.push(server);
    server.once('error', reject).listen({ port, host }, () => resolve(server));
  });
}

/** Runs a command up to where it would serve. */
async function run(line: string, dev = false, usualPort?: number) {
  const out: string[] = [];
  const said: string[] = [];
  const served: { options: CliOptions; text: string }[] = [];
  const io: StartIo = {
    print: (text) => out.push(text),
    fail: (text) => said.push(text),
    cwd: import.meta.dirname,
    ...(usualPort === undefined ? {} : { usualPort }),
    serve: async (options) => {
      served.push({ options, text: readFileSync(options.config ?? '', 'utf8') });
      return 0;
    },
  };
  const code = await start(
    line.split(' ').filter((word) => word !== ''),
    dev,
    io,
  );
  return { code, out: out.join('\n'), said: said.join('\n'), served };
}

describe('what is one of these commands', () => {
  it.each(['3000', 'run -- x', 'serve .', '--from 1 --to 2', '--to=3000', '-e x --from 1'])(
    '%s is',
    (line) => {
      expect(isStart(line.split(' '))).toBe(true);
    },
  );
  it.each(['', '-t', 'upstreams.json', '-c run', 'ctl start', '300000', '-c x -- --to'])(
    '"%s" is none',
    (line) => {
      expect(isStart(line.split(' '))).toBe(false);
    },
  );
});

describe('addresses', () => {
  it.each([
    ['8080', '', 8080, false, ''],
    [':8443', '', 8443, true, ''],
    ['127.0.0.1:443', '127.0.0.1', 443, true, ''],
    ['[::1]:80', '[::1]', 80, false, ''],
    ['https://app.localhost', 'localhost', 443, true, 'app.localhost'],
    ['https://app.localhost:9000', 'localhost', 9000, true, 'app.localhost'],
    ['http://example.org:8443', '', 8443, false, 'example.org'],
    ['localhost:3000', 'localhost', 3000, false, 'localhost'],
  ])('--from %s', (text, host, port, secure, name) => {
    expect(readFront(text)).toEqual({ host, port, secure, name, text });
  });
  it.each(['', 'a b:1', '70000', 'ftp://x', '0', 'x/y'])('--from "%s" is refused', (text) => {
    expect(readFront(text)).toContain(`--from ${text}: `);
  });
  it.each([
    ['3000', false, 'localhost:3000', ''],
    [':3000', false, 'localhost:3000', ''],
    ['10.0.0.7:80', false, '10.0.0.7:80', ''],
    ['http://h/', false, 'h:80', ''],
    ['https://h:1/api/', true, 'h:1', '/api/'],
    ['[::1]:5', false, '[::1]:5', ''],
    ['unix:/run/a.sock', false, 'unix:/run/a.sock', ''],
  ])('--to %s', (text, secure, address, path) => {
    expect(readTarget(text)).toEqual({ secure, address, path });
  });
  it.each(['', 'a b', '0', 'h:99999', 'ws://h', 'h;x', 'h/$a'])('--to "%s" is refused', (text) => {
    expect(readTarget(text)).toContain(`--to ${text}: `);
  });
});

describe('a wrong command line', () => {
  it.each([
    ['--from 80', 'where shall requests go? add --to localhost:3000'],
    ['run -n 2', 'the command stands behind "--"'],
    ['run python3 app.py', 'lbproxy run -- python3 app.py'],
    ['run -n 0 -- x', 'from 1 to 1000'],
    ['serve', 'serve what?'],
    ['serve a b', 'name one'],
    ['serve . --to 1', '--to has no meaning with serve'],
    ['3000 --spa', '--spa goes with'],
    ['3000 -n 2', '-n goes with'],
    ['--to https://a --to http://b', 'write all of them alike'],
    ['--to a:1/x --to b:1', 'leave the paths out'],
    ['3000 x', '"x" is no port'],
    ['3000 --dev --no-dev', 'exclude each other'],
    ['3000 --frm 1', "Unknown option '--frm'"],
    ['3000 --nginx', '--nginx goes with --print'],
  ])('%s', async (line, text) => {
    const { code, said } = await run(line);
    expect(said).toContain(text);
    expect(code).toBe(2);
  });
});

const COMMANDS = [
  '3000',
  '--from :8443 --to 3000 --to localhost:3001',
  '--from https://app.localhost --from 8080 --to https://10.0.0.1:8443/api/',
  '--from 8080 --to unix:/run/app.sock',
  'run -n 4 -- python3 app.py --port={port} 100% --name=x',
  'serve .',
  'serve . --from 8080',
];

describe('the configuration', () => {
  it.each(COMMANDS)('of %s is whole, in both syntaxes', async (line) => {
    for (const more of ['--print', '--print --nginx']) {
      const [before, behind] = line.split(' -- ');
      const { code, out, said } = await run(
        `${before} ${more}${behind === undefined ? '' : ` -- ${behind}`}`,
      );
      expect(said.replace('kept as upstreams.json it is started by: lbproxy dev', '')).toBe('');
      expect(code).toBe(0);
      expect(out.startsWith('{')).toBe(!more.includes('nginx'));
    }
  });

  it('is a Model without problems, as what is printed is', async () => {
    for (const line of COMMANDS) {
      const wish = readStart(line.split(' '), false);
      if (typeof wish === 'string') throw new Error(wish);
      const fronts =
        wish.fronts.length > 0
          ? wish.fronts
          : [readFront('localhost:8080')].filter((f) => typeof f !== 'string');
      const problems = new Problems();
      const model = buildModel(
        startTree(wish, { fronts, firstPort: 8101, hasIpv6: true, cwd: '/' }),
        '/',
        problems,
      );
      expect(problems.list).toEqual([]);
      expect(model.servers).toHaveLength(1);
      expect(model.programs).toHaveLength(wish.kind === 'run' ? 1 : 0);
    }
  });

  it('runs any command word by word as it was typed, in both syntaxes', () => {
    const word = fc.string({ unit: fc.constantFrom(...' \'"\\%({})$;#aé\t'.split('')), maxLength: 8 });
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), (words) => {
        const command = ['x', ...words.filter((each) => !/\{(?:port|index)\}/.test(each))];
        const wish = readStart(['run', '--', ...command], false);
        if (typeof wish === 'string') throw new Error(wish);
        const tree = startTree(wish, { fronts: [], firstPort: 9000, hasIpv6: false, cwd: '/' });
        const json = printJson(tree.directives, { shapeOf, report: () => {} });
        for (const [text, syntax] of [
          [json, 'json'],
          [convertTree(tree, tree.file, 'nginx').text, 'nginx'],
        ] as const) {
          const { model } = modelOfText(text, { file: '/x', syntax, prefix: '/' });
          const [group] = planGroups(
            model?.programs ?? [],
            { prefix: '/', env: {}, userOf: () => undefined },
            () => {},
          );
          expect(group?.processes[0]?.launch.argv).toEqual(command);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('keeps percent signs of a command', async () => {
    const { out } = await run('run --print -- x 100% %(a)s');
    expect(out).toContain('"command": "x 100%% %%(a)s"');
  });

  it('is for this machine alone unless --from says more', async () => {
    expect((await run('3000 --print')).out).toContain('"listen": ["127.0.0.1:8080"');
    expect((await run('3000 --from 8080 --print')).out).toMatch(/"listen": (?:8080|\[8080)/);
  });

  it('hides what begins with a dot', async () => {
    expect((await run('serve . --print')).out).toContain('"~ /\\\\.(?!well-known/)": { "return": 404 }');
  });
});

describe('what is started', () => {
  it('is for development where a port alone is named, or with --dev', async () => {
    const [port, front] = await freePorts(2);
    const line = `--from 127.0.0.1:${front}`;
    const one = await run(`${port} ${line}`);
    expect(one.served[0]?.options.defaults).toMatchObject({ errorDetail: true, requestLines: true });
    expect((await run(`${port} ${line} --no-dev`)).served[0]?.options.defaults).toEqual({});
    expect((await run(`${line} --to ${port}`)).served[0]?.options.defaults).toEqual({});
    expect((await run(`${line} --to ${port} --dev`)).served[0]?.options.defaults).toMatchObject({
      requestLines: true,
    });
    expect((await run(`${line} --to ${port}`, true)).served[0]?.options.defaults).toMatchObject({
      requestLines: true,
    });
  });

  it('starts paths in the present directory, and says that an app is not there yet', async () => {
    const [port, front] = await freePorts(2);
    const { served, said } = await run(`${port} --from 127.0.0.1:${front}`);
    expect(served[0]?.options.prefix).toBe(import.meta.dirname);
    expect(said).toBe(`nothing listens on localhost:${port} yet: requests get 502 until it does`);
  });

  it('refuses a named port that is taken, and names who has it', async () => {
    const [port] = await freePorts(1);
    await listen(port);
    const { code, said, served } = await run(`3000 --from 127.0.0.1:${port}`);
    expect(said).toMatch(
      new RegExp(
        `--from 127.0.0.1:${port}: port ${port} is taken by pid ${process.pid} .*: stop that, or name another port`,
      ),
    );
    expect(code).toBe(1);
    expect(served).toEqual([]);
  });

  it('takes the next free port where nobody named one, and says so', async () => {
    const [usual] = await freePorts(3);
    await listen(usual);
    const { said, served } = await run('serve .', false, usual);
    expect(said).toMatch(
      new RegExp(
        `^port ${usual} is taken by pid ${process.pid} .*, so this is http://localhost:${usual + 1} \\(--from names another\\)$`,
      ),
    );
    expect(served[0]?.text).toContain(`"127.0.0.1:${usual + 1}"`);
  });

  it('never asks itself', async () => {
    const [same] = await freePorts(1);
    const { code, said } = await run(`--from 127.0.0.1:${same} --to 127.0.0.1:${same}`);
    expect(said).toContain('lbproxy would ask itself');
    expect(code).toBe(1);
    // An app on the usual port is no mistake.
    const [usual] = await freePorts(2);
    expect((await run(String(usual), false, usual)).said).toContain(
      `port ${usual} is the app's, so this is http://localhost:${usual + 1} `,
    );
  });

  it.each([
    ['serve none', 'there is no directory'],
    ['serve start.test.ts', 'is a file: name the directory'],
    ['serve . --spa', 'has no index.html, which --spa needs'],
  ])('%s is refused', async (line, text) => {
    const { code, said } = await run(line);
    expect(said).toContain(text);
    expect(code).toBe(1);
  });
});

describe('ports', () => {
  it('in a row are free, all of them', async () => {
    const [a, , c] = await freePorts(6);
    await listen(c);
    expect(await freeFrom('127.0.0.1', a, 2)).toBe(a);
    expect(await freeFrom('127.0.0.1', a, 3)).toBe(c + 1);
    expect(await freeFrom('127.0.0.1', a, 2, new Set([a]))).toBe(c + 1);
  });

  it('that others have on all addresses are taken', async () => {
    const [port] = await freePorts(1);
    await listen(port, '0.0.0.0');
    expect(await whyPortUnusable('localhost', port)).toContain(`port ${port} is taken by`);
    expect(await whyPortUnusable('', port)).toContain(`port ${port} is taken by`);
  });

  it('an address of another machine is told as such', async () => {
    expect(await whyPortUnusable('192.0.2.1', 8080)).toContain('name an address of this machine');
  });
});
