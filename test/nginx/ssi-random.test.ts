// Random pages of commands, right and wrong, in nginx and here: the same bytes come of them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import { askBoth, type Pair, request, startPair } from './pair.ts';

const PAGES = 300;
const BATCH = 20;

function generator(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n);
  };
}

const NAMES = [
  'a',
  'b',
  'A',
  'uri',
  'args',
  'arg_x',
  'arg_y',
  'nothing',
  '1',
  '2',
  '0',
  'word',
  'request_method',
];
const TEXTS = [
  '',
  'x',
  'abc',
  '$a',
  '$'.concat('{b}'),
  '$arg_x-$1',
  '\\$a',
  "it\\'s",
  '<&>',
  '$',
  '$nothing',
  'a/b',
  '\\\\',
  '$a$b',
];
const EXPRS = [
  '$a',
  '$a = x',
  '$a != $b',
  '$arg_x = /^(.)(?P<word>.*)$/',
  '$uri = /r-([0-9]+)/',
  'x',
  '',
  '$a = /x',
  'A=a',
  '$b=',
  '$1 = 1',
];
const URIS = [
  '/t/one',
  '/t/two?$a',
  'sub.html',
  '/sub.html?x=in',
  '/missing',
  '/empty',
  '$a',
  '../x',
  '/t/$arg_x',
  '/sets.html',
];

type Random = (n: number) => number;

function pageOf(random: Random): string {
  const pick = <T>(list: readonly T[]): T => list[random(list.length)];
  const command = (): string => {
    switch (random(12)) {
      case 0:
        return `<!--#set var="${pick(NAMES)}" value="${pick(TEXTS)}" -->`;
      case 1:
        return `<!--#if expr="${pick(EXPRS)}" -->`;
      case 2:
        return '<!--#else -->';
      case 3:
      case 4:
        return '<!--#endif -->';
      case 5:
        return `<!--#elif expr="${pick(EXPRS)}" -->`;
      case 6:
        return `<!--#include virtual="${pick(URIS)}"${pick(['', '', ' wait="yes"', ' set="a"', ' stub="one"', ' set="b" stub="x"'])} -->`;
      case 7:
        return pick(['<!--#block name="one" -->', '<!--#endblock -->', '<!--#endblock -->']);
      case 8:
        return pick([
          '<!--#config errmsg="oops" -->',
          '<!--#other -->',
          '<!--#echo var="a',
          '<!--#echo x="y" -->',
          '<!-',
          '<',
          '"',
          '-->',
        ]);
      default:
        return `<!--#echo var="${pick(NAMES)}"${pick(['', '', ' default="d"', ' encoding="url"', ' encoding="none"'])} -->`;
    }
  };
  return Array.from({ length: 2 + random(14) }, () => `${command()}${pick(['', 'text ', '\n'])}`).join('');
}

describe.skipIf(nginxVersion === '')('random pages', () => {
  const root = mkdtempSync(join(tmpdir(), 'lbproxy-ssi-random-'));
  const pages: string[] = [];
  let pair: Pair;
  beforeAll(async () => {
    const random = generator(20_261_126);
    for (let n = 0; n < PAGES; n++) {
      pages.push(pageOf(random));
      writeFileSync(join(root, `r-${n}.html`), pages[n], 'latin1');
    }
    writeFileSync(
      join(root, 'sub.html'),
      '(<!--#echo var="a" --> <!--#echo var="arg_x" --> <!--#echo var="1" -->)',
    );
    writeFileSync(join(root, 'sets.html'), '<!--#set var="a" value="of sets" -->');
    pair =
      await startPair(`default_type text/html; server { listen {port}; server_name ref.example; root ${root}; ssi on;
      location /t/ { default_type text/plain; return 200 "[$uri $args]"; }
      location = /empty { return 200 ""; } }`);
  });
  afterAll(async () => {
    await pair?.close();
    rmSync(root, { recursive: true, force: true });
  });

  it.each(Array.from({ length: PAGES / BATCH }, (_v, n) => n * BATCH))('from %i on', async (first) => {
    for (let n = first; n < first + BATCH; n++) {
      const { nginx, lbproxy } = await askBoth(pair, request('GET', `/r-${n}.html?x=12&y=%3C`));
      expect(lbproxy, pages[n]).toEqual(nginx);
    }
  });
});
