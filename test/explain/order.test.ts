// The order of peers that explain tells is the one in which a request tries them: all are dead here, so that one request tries all.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildModel } from '../../src/config/build.ts';
import { parse } from '../../src/config/nginx/parse.ts';
import { Problems } from '../../src/config/problem.ts';
import { Explainer } from '../../src/explain/explainer.ts';
import { freePorts } from '../support/free-ports.ts';
import { type Proxy, startProxy } from '../support/proxy.ts';
import { exchangeOnce } from '../support/wire.ts';

const METHODS = [
  '',
  'ip_hash;',
  'hash $uri;',
  'hash $uri consistent;',
  'hash $arg_k consistent;',
  'least_conn;',
];
const LISTS = [
  ['', '', '', ''],
  ['weight=3', '', 'weight=2', 'weight=5'],
  ['', 'backup', 'down', ''],
  ['max_fails=0', 'weight=4', 'backup weight=2', 'backup'],
];

/** nginx knows no backups behind a hash. */
const GROUPS = METHODS.flatMap((method) =>
  LISTS.filter((list) => !method.includes('hash') || !list.some((words) => words.includes('backup'))).map(
    (list) => ({
      method,
      list,
    }),
  ),
);

describe('the order of peers', () => {
  let proxy: Proxy;
  let explainer: Explainer;
  let port = 0;
  beforeAll(async () => {
    const ports = await freePorts(5);
    port = ports[0];
    const groups = GROUPS.map(({ method, list }, i) => {
      const servers = list.map((words, k) => `server 127.0.0.1:${ports[k + 1]} ${words};`);
      return `upstream g${i} { ${method} ${servers.join(' ')} }`;
    });
    const locations = GROUPS.map((_, i) => `location /g${i}/ { proxy_pass http://g${i}; }`);
    const text = `http { ${groups.join('\n')} server { listen 127.0.0.1:${port}; ${locations.join('\n')} } }`;
    proxy = await startProxy(text);
    const problems = new Problems();
    const file = '/nowhere/nginx.conf';
    const directives = parse(text, file, problems);
    const tree = { syntax: 'nginx', file, directives, sources: new Map([[file, text]]) } as const;
    explainer = await Explainer.create(buildModel(tree, '/nowhere', problems), tree, {
      hosts: {},
      programs: {},
    });
  });
  afterAll(() => proxy?.close());

  it.each(GROUPS.map(({ method, list }, i) => [i, method, list.join(' | ')] as const))(
    'of group %i: %s %s',
    async (i) => {
      const target = `/g${i}/some/path?k=key${i}`;
      const head = `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
      const url = { secure: false, authority: 'x', host: '127.0.0.1', port, target };
      const told = await explainer.explain({ url, head, body: Buffer.alloc(0), from: '127.0.0.1' });
      if (typeof told === 'string' || told.ending.kind !== 'forward') throw new Error('it is not forwarded');
      const before = proxy.log.length;
      expect((await exchangeOnce(port, head)).status).toBe(502);
      const tried = proxy.log.slice(before).map((line) => line.split(' ')[0]);
      expect(told.ending.forward.order.map(({ peer }) => peer)).toEqual(tried);
      expect(tried.length).toBeGreaterThan(1);
    },
  );
});
