// Every example of config/ exists as an nginx file and as a JSON file, and both mean the same.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CliOptions } from '../../src/cli/cli-options.ts';
import { readConfig } from '../../src/cli/read-config.ts';
import { buildModel } from '../../src/config/build.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Model, Settings } from '../../src/config/model.ts';
import { shapeOf } from '../../src/config/registry.ts';
import { withJsonHeaders } from '../../src/forward/rows.ts';
import { runLbproxy } from '../support/cli.ts';
import { readModel, startProxy } from '../support/proxy.ts';
import { startUpstream } from '../support/upstream.ts';
import { whole } from '../support/whole-model.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CONFIG = join(ROOT, 'config');

function namesWith(extension: string): string[] {
  return readdirSync(CONFIG)
    .filter((name) => name.endsWith(extension) && !name.endsWith('.schema.json'))
    .map((name) => name.slice(0, -extension.length))
    .sort();
}

const NAMES = namesWith('.json');

/** Directives that a file may be warned about, with the modern spelling that the warning has to name. */
const WARNED_OF: Readonly<Record<string, readonly string[]>> = {
  'classic-no-http.conf': ['user', 'http { … }', 'http { … }', 'http { … }'],
  'classic-tls.conf': ['user', 'listen 443 ssl;'],
  'classic-tls.json': ['listen 443 ssl;'],
};

function modelOf(name: string): Model {
  const { tree, problems, prefix } = loadConfig(join(CONFIG, name), { shapeOf });
  const model = tree === undefined ? undefined : buildModel(tree, prefix, problems);
  const errors = problems.list.filter((p) => p.severity === 'error');
  if (model === undefined || errors.length > 0) throw new Error(JSON.stringify(errors));
  return model;
}

type Change = (key: string, value: unknown) => unknown;

/** A copy without places, and without what tells the syntax; `change` may give a key another value. */
function meaningOf(value: unknown, change: Change = (_key, v) => v): unknown {
  return changed(whole(value), change);
}

function changed(value: unknown, change: Change): unknown {
  if (Array.isArray(value)) return value.map((v) => changed(v, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      // JSON twins leave out what has no effect.
      .filter(([key]) => key !== 'at' && key !== 'syntax' && key !== 'runAs')
      .map(([key, v]) => [key, changed(change(key, v), change)]),
  );
}

/** Names may stand in one directive or in several. */
const flatNames: Change = (key, value) =>
  key === 'serverNames' ? (value as Settings['serverNames']).flat() : value;

/** The one difference that the syntax makes: the fields that JSON sets without being told to. In any order (RFC 9110 §5.3). */
const likeJson: Change = (key, value) => {
  if (key !== 'proxySetHeader') return flatNames(key, value);
  return [...withJsonHeaders(value as Settings['proxySetHeader'])].sort(([a], [b]) => (a < b ? -1 : 1));
};

let state = '';
beforeAll(() => {
  state = mkdtempSync(join(tmpdir(), 'lbproxy-'));
});
afterAll(() => {
  rmSync(state, { recursive: true, force: true });
});

describe('the examples of config/', () => {
  it('are pairs', () => {
    expect(NAMES.length).toBeGreaterThan(4);
    expect(namesWith('.conf')).toEqual(NAMES);
  });

  it.each(NAMES)('%s means the same in both syntaxes', (name) => {
    expect(meaningOf(modelOf(`${name}.conf`), likeJson)).toEqual(
      meaningOf(modelOf(`${name}.json`), likeJson),
    );
  });

  it('the fields that upstreams.conf writes out are those of upstreams.json', () => {
    const servers = (name: string) => meaningOf(modelOf(name).servers);
    expect(servers('upstreams.conf')).toEqual(servers('upstreams.json'));
  });

  it('a difference of meaning is seen', () => {
    const model = modelOf('upstreams.conf');
    const other = { ...model, settings: { ...model.settings, proxyReadTimeoutMs: 1 } };
    expect(meaningOf(other)).not.toEqual(meaningOf(model));
  });

  it.each(NAMES.flatMap((name) => [`${name}.conf`, `${name}.json`]))('%s passes -t', async (name) => {
    const file = relative(ROOT, join(CONFIG, name));
    const { code, stderr } = await runLbproxy(['-t', '-c', file], {
      cwd: ROOT,
      env: { XDG_STATE_HOME: state },
    });
    expect(stderr).toContain(`configuration file ${file} test is successful`);
    expect(code).toBe(0);
    const warnings = stderr.split('\n').filter((line) => line.includes('warning: '));
    const expected = WARNED_OF[name] ?? [];
    expect(warnings).toHaveLength(expected.length);
    for (const [i, spelling] of expected.entries()) {
      expect(warnings[i]).toMatch(new RegExp(`^${file}:\\d+:\\d+: warning: `));
      expect(warnings[i]).toContain(spelling);
    }
  });
});

describe('config/classic/', () => {
  const file = (name: string): string => join(CONFIG, 'classic', name);

  it('nginx.conf serves what upstreams.json serves', () => {
    // Where the peers of the group come from is the difference.
    const serving = (name: string) => meaningOf(modelOf(`classic/${name}`).servers, likeJson);
    expect(serving('nginx.conf')).toEqual(serving('upstreams.json'));
  });

  it('supervisord.conf runs what upstreams.json runs, and the balancer follows it', () => {
    const pool = (options: CliOptions) => {
      const read = readConfig(options.config ?? '', options);
      expect(read.problems.list).toEqual([]);
      return (read.pool?.groups ?? []).map(({ name, processes }) => ({
        name,
        processes: processes.map(({ group, launch: { name, argv, directory }, policy, output }) => ({
          ...{ group, name, argv, directory, port: policy.port, ready: policy.ready },
          ...{ one: output.redirectStderr, to: output.stdout.target },
        })),
      }));
    };
    const pair = pool({ config: file('nginx.conf'), programs: file('supervisord.conf') });
    expect(pair).toEqual(pool({ config: file('upstreams.json') }));
    expect(pair[0].processes.map(({ port }) => port)).toEqual([8001, 8002, 8003, 8004]);
  });
});

describe('README.md', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const block = (language: string): string =>
    new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, 'm').exec(readme)?.[1] ?? '';

  it('shows the files that it names', () => {
    expect(block('json')).toBe(readFileSync(join(CONFIG, 'upstreams.json'), 'utf8'));
    expect(block('nginx')).toBe(readFileSync(join(CONFIG, 'upstreams.conf'), 'utf8'));
  });

  it('puts lbproxy in front of an app with the text that it says', async () => {
    const app = await startUpstream((req, res) => res.end(`app ${req.headers.host}`));
    const text = /^echo '(.*)' > upstreams\.json$/m.exec(readme)?.[1] ?? '';
    const proxy = await startProxy(
      text.replace('8080', '"127.0.0.1:0"').replace('localhost:3000', app.address),
    );
    const answer = await fetch(`http://127.0.0.1:${proxy.port}/`);
    expect(await answer.text()).toBe(`app 127.0.0.1:${proxy.port}`);
    await proxy.close();
    await app.close();
  });

  it('names the schema where an installed package has it', () => {
    const [, path] = /"\$schema": "\.\/node_modules\/lbproxy\/([^"]+)"/.exec(readme) ?? [];
    expect(existsSync(join(ROOT, path))).toBe(true);
    const { files } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(files).toContain(dirname(path));
  });

  it('shows two forms of one configuration', () => {
    const [json, nginx] = ['json', 'nginx'].map((language) => readModel(block(language), CONFIG));
    expect(json.warnings + nginx.warnings).toBe('');
    expect(json.model.servers).toHaveLength(2);
    expect(meaningOf(nginx.model, likeJson)).toEqual(meaningOf(json.model, likeJson));
    expect(meaningOf(nginx.model.servers)).toEqual(meaningOf(json.model.servers));
    json.remove();
    nginx.remove();
  });

  it('names every flag and signal of --help', async () => {
    const { stdout } = await runLbproxy(['--help']);
    const flags = [...stdout.matchAll(/(?<=^ +|, )-{1,2}[a-zA-Z-]+/gm)].map(([flag]) => flag);
    expect(flags.length).toBeGreaterThan(15);
    for (const flag of flags) expect(readme).toContain(`\`${flag}`);
    for (const signal of ['TERM', 'INT', 'QUIT', 'HUP', 'USR1'])
      expect(readme).toMatch(new RegExp(`^\\|.*${signal}`, 'm'));
  });

  it('every local link of the documentation leads somewhere', () => {
    const pages = [
      ...readdirSync(ROOT),
      ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).map((n) => join('docs', n)),
    ];
    const links = pages
      .filter((page) => page.endsWith('.md'))
      .flatMap((page) =>
        [...readFileSync(join(ROOT, page), 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, to]) =>
          join(dirname(page), to),
        ),
      );
    expect(links.length).toBeGreaterThan(15);
    expect(links.filter((link) => !existsSync(join(ROOT, link)))).toEqual([]);
  });

  it('every file, room and script that CONTRIBUTING.md and SECURITY.md name is there', () => {
    const text = ['CONTRIBUTING.md', 'SECURITY.md'].map((n) => readFileSync(join(ROOT, n), 'utf8')).join();
    const paths = [...text.matchAll(/\b(?:src|test|docs)\/[\w./-]*[\w/]/g)].map(([path]) => path);
    expect(paths.length).toBeGreaterThan(25);
    const missing = paths.filter((path) => !existsSync(join(ROOT, path)));
    expect(missing).toEqual([]);
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const named = [...text.matchAll(/\bnpm run ([\w:]+)/g)].map(([, name]) => name);
    expect(named.length).toBeGreaterThan(3);
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });

  it('the package carries what stands at the root', () => {
    const { files, license } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(readFileSync(join(ROOT, 'LICENSE'), 'utf8')).toMatch(new RegExp(`^${license} License`));
    // npm adds LICENSE by itself.
    for (const name of ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md']) {
      expect(existsSync(join(ROOT, name)), name).toBe(true);
      expect(files).toContain(name);
    }
  });
});
