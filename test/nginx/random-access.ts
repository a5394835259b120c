// Random servers out of what decides who may come and who answers: satisfy, allow, auth_basic, limit_except, error_page, try_files,
// rewrite, internal and named locations; and requests for them. The same for the same seed.
import { ask, type TableCase, type TablePlaces } from './request-table.ts';

type Random = () => number;

/** mulberry32. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)];

const PATHS = ['/a/', '/b/', '/a/in/', '/c', '/pics/', '/deep/er/'];
const FILES = ['/small.txt', '/pics/index.html', '/pics/', '/none', '/none/', '/second/index.htm', ''];
const TARGETS = [
  '/a/x',
  '/b/small.txt',
  '/small.txt',
  '/c',
  '/open?x=1',
  '/pics/',
  '/none',
  '@one',
  '@two',
  '@nobody',
].concat(['http://x.test/y', '/b$uri', '/open?$args', '$uri']);
const CODES = ['401', '403', '404', '405', '500', '401 403', '403 404', '301', '410 418', '502'];

export class RandomServer {
  readonly #random: Random;
  readonly #places: TablePlaces;
  readonly #users: string;

  constructor(random: Random, places: TablePlaces, users: string) {
    this.#random = random;
    this.#places = places;
    this.#users = users;
  }

  text(name: string): string {
    const paths = PATHS.filter(() => this.#maybe(0.7));
    const locations = paths.map((path) => this.#location(path, path.startsWith('/a/') ? 0.3 : 0.6));
    return `server { listen {port}; server_name ${name}; root ${this.#places.root}; index index.html index.htm;
      ${this.#access(0.3)} ${this.#errors(0.7)} ${this.#maybe(0.3) ? 'recursive_error_pages on;' : ''}
      ${this.#maybe(0.15) ? 'if ($arg_no) { return 403; }' : ''} ${this.#maybe(0.15) ? 'rewrite ^/old/(.*)$ /a/$1;' : ''}
      ${this.#maybe(0.15) ? this.#tryFiles() : ''}
      ${locations.join('\n')}
      ${this.#maybe(0.5) ? `location ~ \\.(txt|htm)$ { ${this.#inside(0.5)} }` : ''}
      ${this.#maybe(0.5) ? `location = /open { ${this.#access(0.2)} return 200 "open $uri?$args $request_method $status [$remote_user]"; }` : ''}
      location @one { ${this.#access(0.3)} ${this.#errors(0.3)} ${this.#answer()} }
      ${this.#maybe(0.7) ? `location @two { ${this.#access(0.3)} ${this.#errors(0.3)} ${this.#answer()} }` : ''} }\n`;
  }

  #maybe(chance: number): boolean {
    return this.#random() < chance;
  }

  #pick<T>(list: readonly T[]): T {
    return pick(this.#random, list);
  }

  #location(path: string, chance: number): string {
    const modifier = this.#pick(['', '', '', '^~']);
    const alias = path.endsWith('/') && this.#maybe(0.3) ? `alias ${this.#places.root}/;` : '';
    return `location ${modifier} ${path} { ${alias} ${this.#inside(chance)} }`;
  }

  #inside(chance: number): string {
    return [
      this.#access(chance),
      this.#errors(chance),
      this.#maybe(0.15) ? 'recursive_error_pages on;' : '',
      this.#maybe(0.15) ? 'internal;' : '',
      this.#maybe(0.35) ? this.#tryFiles() : '',
      this.#maybe(0.25)
        ? `limit_except ${this.#pick(['GET', 'POST', 'GET POST', 'PUT'])} { ${this.#rules()} ${this.#login(0.4)} }`
        : '',
      this.#maybe(0.15)
        ? `if ($arg_a) { ${this.#pick(['return 403;', 'return 404;', 'error_page 404 /open?if;', 'set $x 1;', 'rewrite ^ /small.txt break;'])} }`
        : '',
      this.#maybe(0.2)
        ? `rewrite ^/(?:a|b|pics)/(.*)$ ${this.#pick(['/$1', '/c?$1', '/deep/er/$1'])} ${this.#pick(['last', 'break', ''])};`
        : '',
      this.#maybe(0.35) ? this.#answer() : '',
    ].join(' ');
  }

  #answer(): string {
    const { peer, dead } = this.#places;
    const answers = [
      'return 200 "text $uri?$args $request_method $status";',
      'return 404;',
      'return 403;',
      'return 301 /x;',
      'return 410;',
    ];
    return this.#pick([
      ...answers,
      'return 503 "busy";',
      `proxy_pass http://${peer};`,
      `proxy_pass http://${peer};`,
      `proxy_pass http://${dead};`,
      '',
      '',
    ]);
  }

  #access(chance: number): string {
    if (!this.#maybe(chance)) return '';
    return `${this.#maybe(0.5) ? `satisfy ${this.#pick(['any', 'all'])};` : ''} ${this.#maybe(0.7) ? this.#rules() : ''} ${this.#login(0.6)}`;
  }

  #rules(): string {
    return this.#pick([
      'allow all;',
      'deny all;',
      'allow 127.0.0.1; deny all;',
      'deny 127.0.0.0/8;',
      'allow 10.0.0.0/8;',
      'deny ::/0;',
    ]);
  }

  #login(chance: number): string {
    if (!this.#maybe(chance)) return '';
    const file = this.#pick([this.#users, this.#users, this.#users, '/nowhere/users']);
    return `auth_basic ${this.#pick(['realm', 'realm', 'off', '$arg_realm', '"of $uri"'])}; auth_basic_user_file ${file};`;
  }

  #errors(chance: number): string {
    if (!this.#maybe(chance)) return '';
    const one = (): string =>
      `error_page ${this.#pick(CODES)} ${this.#pick(['', '', '=', '=200', '=404', '=307'])} ${this.#pick(TARGETS)};`;
    return this.#maybe(0.5) ? one() + one() : one();
  }

  #tryFiles(): string {
    const files = [1, 2]
      .slice(0, this.#pick([1, 2]))
      .map(() => this.#pick(['$uri', '$uri/', '$uri.txt', ...FILES.slice(0, 5)]));
    return `try_files ${files.join(' ')} ${this.#pick(['=404', '=403', '=410', '@one', '@two', '/open?t=1', '/small.txt', '/a/x', '/index.html'])};`;
  }
}

const METHODS = ['GET', 'GET', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE'];

export function randomRequest(random: Random, host: string): TableCase {
  const prefix = pick(random, [...PATHS, '/', '/', '/old/', '/open', '/none/']);
  const rest =
    prefix === '/c' || prefix === '/open'
      ? ''
      : pick(random, ['small.txt', 'x', '', 'pics', 'index.html', '1.jpg', 'second/']);
  const question = pick(random, ['', '', '', '?a=1', '?no=1', '?realm=off', '?realm=x&a=1', '?']);
  const logins = [null, null, 'ann:secret', 'ann:secret', 'ann:wrong', 'bob:secret'];
  const login = pick(random, logins);
  const lines = login === null ? [] : [`Authorization: Basic ${Buffer.from(login).toString('base64')}`];
  return ask(host, pick(random, METHODS), prefix + rest + question, lines);
}
