// `split_clients` through nginx and through lbproxy: the same client has the same share.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../fuzz/random.ts';
import { nginxComplaint, nginxVersion } from '../support/nginx.ts';
import { readModel } from '../support/proxy.ts';
import { askBoth, type Pair, request, startPair } from './pair.ts';

function randomSplit(random: Random, i: number): string {
  const lines: string[] = [];
  for (let left = 10_000; left > 0 && lines.length < 8; ) {
    const share = Math.min(left, 1 + random.below(random.pick([20, 400, 4000])));
    lines.push(`${share / 100}% "v${lines.length} $uri";`);
    left -= share;
  }
  if (random.chance(60)) lines.push('* rest;');
  return `split_clients "${random.pick(['', 'x', 'salt '])}$arg_a${random.pick(['', '$uri', '!'])}" $s${i} { ${lines.join(' ')} }`;
}

describe.skipIf(nginxVersion === '')('split_clients', () => {
  const random = new Random(40, 0);
  const names = Array.from({ length: 30 }, (_, i) => `$s${i}`);
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-split-'));
  let pair: Pair;
  beforeAll(async () => {
    const blocks = names.map((_, i) => randomSplit(random, i)).join('\n');
    pair = await startPair(`${blocks}
      split_clients $arg_a $fixed { 0.01% a; 99.98% b; * c; } split_clients "é$arg_a" $none { } split_clients $arg_a $whole { 100% all; }
      split_clients $arg_a $caps { .5% x; 1.% y; * z; }
      server { listen {port}; location / { return 200 "${names.join(';')};$fixed;$none;$whole;$Caps"; }
        location /kept { set $before $fixed; set $args a=2; return 200 "$before $fixed"; } }`);
  });
  afterAll(async () => {
    await pair?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it.each(Array.from({ length: 80 }, (_, i) => i))('client %i', async (i) => {
    const bytes = Array.from({ length: i % 23 }, () =>
      String.fromCharCode(random.pick([random.below(94) + 33, 0x80 + random.below(127)])),
    );
    const a = bytes.join('').replaceAll(/[#&]/g, 'x');
    for (const target of [`/?a=${a}`, `/kept?a=${a}`]) {
      const { nginx, lbproxy } = await askBoth(pair, request('GET', target));
      expect(lbproxy).toEqual(nginx);
    }
  });

  it.each([
    '50% a; 50% b; * c;',
    '50% a; 50.01% b;',
    '50% a; * b; 1% c;',
    '* a; * b;',
    '0% a;',
    '0.001% a;',
    '100.01% a;',
    '100% a;',
    'x% a;',
    '% a;',
    '.% a;',
    '.5% a;',
    '1.% a;',
    '1.5.5% a;',
    '-1% a;',
    '5 a;',
    '5%x a;',
    '"" a;',
    '99.99% "";',
  ])('%s is refused, or not', (lines) => {
    const block = `split_clients $arg_a $s { ${lines} }`;
    let ours = '';
    try {
      readModel(`http { ${block} server { listen 1; } }`).remove();
    } catch (error) {
      ours = (error as Error).message;
    }
    expect(ours !== '').toBe(nginxComplaint(dir, `events { } http { ${block} }`) !== '');
    if (ours !== '') expect(ours).toMatch(/^nginx\.conf:1:\d+: (?:invalid percent value|percent total)/);
  });
});
