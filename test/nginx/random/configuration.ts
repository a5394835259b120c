// A random server with its locations.
import {
  isMirror,
  lastPasses,
  ownRedirects,
  satisfiesAny,
  withoutErrorsOfAccess,
  withoutMirror,
} from './avoided.ts';
import { directivesOf } from './directives.ts';
import { block, fixed, line, type Node } from './tree.ts';
import { type Cx, conditionOf, FORMATS, pathOf, patternOf, some, textOf, urlOf } from './values.ts';

export interface Site {
  readonly server: Node;
  /** Prefixes of its locations, for requests. */
  readonly prefixes: readonly string[];
}

/** Makes the names known that texts use; nobody asks for it. */
const DEFINITIONS: Node = {
  text: 'location = /never-asked',
  fixed: true,
  children: [
    ...['set $v0 1', 'set $v1 1', 'set $v2 1'].map(fixed),
    ...['auth_request_set $w0 1', 'auth_request_set $w1 1'].map(fixed),
    { text: 'if ($uri ~ "(?<n0>x)")', fixed: true, children: [fixed('set $v0 1')] },
  ],
};

export function makeSite(cx: Cx, number: number): Site {
  const { random } = cx;
  const prefixes = new Set<string>();
  const locations: Node[] = [];
  const matches = new Set<string>();
  for (let i = 2 + random.below(6); i > 0; i--) {
    const match = random.pick(MATCHES);
    if (matches.has(match)) continue;
    matches.add(match);
    locations.push(makeLocation(cx, match, prefixes, 0));
  }
  for (const name of ['@named', '@other']) locations.push(makeLocation(cx, name, new Set(), 2));
  if (random.chance(70) && !matches.has('= /auth')) locations.push(makeLocation(cx, '= /auth', new Set(), 2));
  locations.push(
    block('location = /copy', [
      ...directivesOf(cx, 'l', 2).filter(
        (node) =>
          !isMirror(node) &&
          !node.text.startsWith('proxy_cache ') &&
          node.text !== 'proxy_method $request_method',
      ),
      // Copy and request would store under one key.
      fixed('proxy_cache off'),
      fixed(`proxy_pass http://{copies}${random.pick(['', '', '/copied', '$request_uri', '/c$uri'])}`),
    ]),
  );
  const script = random.chance(40) ? scriptOf(cx, 2, false) : [];
  // A copy sets the variables of its request anew: whether a file's head comes before that is each program's own.
  const isShared = script.length > 0;
  const server = block('server', [
    fixed('listen {port}'),
    fixed(`server_name s${number}.test`),
    fixed(`access_log {dir}/access.log f${random.below(FORMATS)}`),
    ...directivesOf(cx, 's', 8).filter((node) => !isShared || !isMirror(node)),
    ...(isShared ? [fixed('mirror off')] : []),
    ...script,
    ...(random.chance(8) ? [tryFiles(cx)] : []),
    ...(isShared ? locations.map(withoutMirror) : locations),
    DEFINITIONS,
  ]);
  return {
    server: satisfiesAny(server) ? withoutErrorsOfAccess(server) : server,
    prefixes: [...prefixes, '/'],
  };
}

const MATCHES = [
  ...[
    '/',
    '/',
    '/a/',
    '/a/b/',
    '/a',
    '/files/',
    '= /exact',
    '= /',
    '^~ /final/',
    '^~ /a/b',
    '/p/',
    '/p/',
    '/p/k1',
  ],
  ...[
    '~ \\.php$',
    '~* \\.(TXT|html)$',
    '~ ^/re/(\\d+)/(?<n0>.*)$',
    '~ ^/(files|a)/(.*)$',
    '/errors/',
    '/dir',
  ],
];

/** `depth` 2: nothing nested. */
function makeLocation(cx: Cx, match: string, prefixes: Set<string>, depth: number): Node {
  const { random } = cx;
  const isRegex = match.startsWith('~');
  const isNamed = match.startsWith('@');
  const isExact = match.startsWith('=');
  const prefix = isRegex ? regexPrefix(match) : isNamed ? '' : match.replace(/^(?:=|\^~) /, '');
  if (prefix !== '') prefixes.add(prefix);
  const children: Node[] = [
    ...(random.chance(match === '= /auth' ? 30 : 5) ? [line('internal')] : []),
    ...directivesOf(cx, 'l', 6),
    ...(random.chance(30) ? scriptOf(cx, 2, false) : []),
    ...contentOf(cx, isRegex || isNamed, prefix, isNamed),
    ...some(random, random.chance(40) ? 2 : 0, () => ifOf(cx, true)),
  ];
  if (random.chance(5) && !isNamed)
    children.push(
      block(`limit_except ${random.pick(['GET', 'POST', 'GET PUT'])}`, [
        line(random.pick(['deny all', 'allow all', 'deny 10.0.0.0/8'])),
      ]),
    );
  if (depth < 2 && !isExact && !isNamed)
    children.push(...nestedOf(cx, isRegex ? '' : prefix, prefixes, depth));
  return block(`location ${match}`, ownRedirects(lastPasses(onceEach(children))));
}

function nestedOf(cx: Cx, prefix: string, prefixes: Set<string>, depth: number): Node[] {
  const { random } = cx;
  const nested = new Map<string, Node>();
  for (const _ of some(random, random.chance(30) ? 2 : 0, () => 0)) {
    const match =
      prefix === '' || random.chance(25)
        ? random.pick(['~ small', '~ \\.html$', '~* (\\w+)\\.txt$'])
        : random.pick(['', '= ', '^~ ']) + prefix + random.pick(['b/', 'dir/', 'small', 'k2', 'index.html']);
    const name = match.replace('^~ ', '');
    if (!nested.has(name)) nested.set(name, makeLocation(cx, match, prefixes, depth + 1));
  }
  return [...nested.values()];
}

const regexPrefix = (match: string): string =>
  match.includes('^/re/')
    ? '/re/12/'
    : match.includes('php')
      ? '/x.php'
      : match.startsWith('~ ^/(files')
        ? '/files/'
        : '';

function contentOf(cx: Cx, noUri: boolean, prefix: string, isNamed: boolean): Node[] {
  const { random, root } = cx;
  const dice = random.below(100);
  if (dice >= 85) return [line(random.pick(APP_PASSES))];
  if (/\/p\//.test(prefix) || dice < 30) return [line(proxyPass(cx, noUri))];
  if (dice < 42 && !isNamed)
    return [
      line(
        `alias ${root}${noUri ? random.pick(['/small.txt', '/a/$2', '/$1/$2', '/files/$n0', '/a/$1']) : random.pick(['/', '/a/', '/dir', '/files/', '/$arg_r/'])}`,
      ),
    ];
  if (dice < 52) return [line(returnOf(cx))];
  if (dice < 62) return [tryFiles(cx)];
  return [];
}

const APP_PASSES = [
  ...['fastcgi_pass {app}', 'fastcgi_pass apps', 'uwsgi_pass {uwsgi}', 'uwsgi_pass uwsgis'],
  ...['scgi_pass {scgi}', 'scgi_pass scgis'],
];

function proxyPass(cx: Cx, noUri: boolean): string {
  const { random } = cx;
  const peer = random.pick(['{peer}', '{peer}', 'peers', 'twice']);
  const uri = random.pick([
    '',
    '',
    '/',
    '/base/',
    '/base',
    '$request_uri',
    '/v$uri$is_args$args',
    '/$1',
    '/w?x=$arg_a',
  ]);
  const to = random.chance(15) ? random.pick(['https://{tls}', 'https://secure']) : `http://${peer}`;
  return `proxy_pass ${to}${noUri && !uri.includes('$') ? '' : uri}`;
}

function returnOf(cx: Cx): string {
  const { random } = cx;
  return `return ${random.pick([
    `200 ${textOf(cx)}`,
    `404 ${textOf(cx)}`,
    '204',
    '403',
    '404',
    '500',
    '405',
    `301 ${urlOf(cx)}`,
    `302 ${urlOf(cx)}`,
    `308 ${urlOf(cx)}`,
    `201 ${textOf(cx)}`,
    '503',
    'http://other.test/returned',
    '401',
    '413',
    '416',
  ])}`;
}

function tryFiles(cx: Cx): Node {
  const { random } = cx;
  const tried = Array.from({ length: 1 + random.below(3) }, () =>
    random.pick([
      '$uri',
      '$uri/',
      '$uri.html',
      '/small.txt',
      '/dir/$arg_f',
      '/nothing',
      '/a$uri',
      '$uri/index.html',
      '/dir/',
    ]),
  );
  const last = random.pick([
    '=404',
    '=503',
    '@named',
    '@other',
    '/small.txt',
    `${pathOf(cx)}?tried=$args`,
    '/files$uri',
    '=403',
  ]);
  return line(`try_files ${tried.join(' ')} ${last}`);
}

/** set, rewrite, break, if; `inIf`: no further if. */
function scriptOf(cx: Cx, most: number, inIf: boolean): Node[] {
  const { random } = cx;
  return Array.from({ length: 1 + random.below(most) }, () => {
    const dice = random.below(100);
    if (dice < 35) return line(`set $v${random.below(3)} ${textOf(cx)}`);
    if (dice < 75) return line(rewriteOf(cx));
    if (dice < 80) return line('break');
    return inIf ? line(returnOf(cx)) : ifOf(cx, false);
  });
}

function rewriteOf(cx: Cx): string {
  const { random } = cx;
  const pattern = random.pick([patternOf(cx), patternOf(cx), '^/no-such/']);
  const target = random.pick([
    pathOf(cx),
    '/files/$1',
    '/$2/$1',
    '/a/$1?added=$arg_a',
    `${pathOf(cx)}?`,
    'http://other.test/$1',
    '$scheme://$host/$1',
    '/p/k$arg_a',
  ]);
  return `rewrite "${pattern}" ${target}${random.pick(['', '', ' last', ' break', ' redirect', ' permanent'])}`;
}

function ifOf(cx: Cx, inLocation: boolean): Node {
  const { random } = cx;
  const children = random.chance(70) ? scriptOf(cx, 2, true) : [];
  if (random.chance(25)) children.push(line(returnOf(cx)));
  if (inLocation) {
    children.unshift(...directivesOf(cx, 'i', 3));
    if (random.chance(15)) children.push(line(proxyPass(cx, true)));
  }
  const condition = conditionOf(cx);
  return block(`if (${condition})`, onceEach(children));
}

/** nginx takes these once in a block. */
function onceEach(nodes: readonly Node[]): Node[] {
  const taken = new Set<string>();
  return nodes.filter(({ text }) => {
    const name = text.split(' ')[0];
    const group = name === 'alias' ? 'root' : name;
    if (!/^(?:root|alias|(?:proxy|fastcgi|uwsgi|scgi)_pass|try_files|internal)$/.test(name)) return true;
    if (taken.has(group)) return false;
    taken.add(group);
    return true;
  });
}
