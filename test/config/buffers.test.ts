// Sizes of the buffers for answers of peers: which go together is nginx's rule, for a file that it takes is taken here, and no other.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { nginxComplaint, nginxVersion } from '../support/nginx.ts';
import { readModel } from '../support/proxy.ts';

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-buffers-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const SIZES = ['', '1', '4k', '8k', '16k', '32k', '64k', '1m'];
const DIRECTIVES = ['buffer_size', 'busy_buffers_size', 'temp_file_write_size', 'max_temp_file_size'];
const BUFFERS = ['', '2 4k', '2 8k', '4 8k', '8 4k', '4 32k', '3 64k', '1 8k', '16 1k'];

/** Numbers that are the same each time. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
}

function lines(family: string, pick: (below: number) => number): string {
  const buffers = BUFFERS[pick(BUFFERS.length)];
  const sizes = DIRECTIVES.map((name) => [name, pick(2) === 0 ? '' : SIZES[pick(SIZES.length)]]);
  return [['buffers', buffers], ...sizes]
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${family}_${name} ${value};`)
    .join(' ');
}

function complaint(text: string): string {
  try {
    readModel(text).remove();
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

/** What a complaint is about: nginx's own words for it. */
const KIND =
  /"\w+_busy_buffers_size".* less than|"\w+_busy_buffers_size".* equal|"\w+_temp_file_write_size"|"\w+_max_temp_file_size"|at least 2/;
const kindOf = (text: string): string =>
  text === '' ? '' : (KIND.exec(text)?.[0].replace(/ (?:\(|must).*(?= )/, '') ?? text);

describe.skipIf(nginxVersion === '')('sizes of buffers', () => {
  const pick = numbers(7);
  const cases = Array.from({ length: 90 }, (_, i) => {
    const family = i % 3 === 0 ? 'fastcgi' : 'proxy';
    const levels = [lines(family, pick), pick(3) === 0 ? lines(family, pick) : ''];
    const text = `events {} http { ${levels[0]} server { listen 127.0.0.1:9; location / { ${levels[1]} } } }`;
    return { name: levels.join(' | '), text };
  });

  it.each(cases)('$name', ({ text }) => {
    const quiet = 'http { access_log off; ';
    const theirs = nginxComplaint(dir, text.replace('http { ', `${quiet}${paths()}`));
    expect(kindOf(complaint(text))).toBe(kindOf(theirs));
  });
});

const paths = (): string =>
  ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((n) => `${n}_temp_path ${dir}/${n};`).join(' ');

it('says what to write', () => {
  const text = 'http { server { listen 127.0.0.1:9; proxy_buffer_size 32k; } }';
  expect(complaint(text)).toContain(
    '"proxy_busy_buffers_size" (65536, twice the larger buffer) must be less than the size of all "proxy_buffers" minus one buffer (28672); write proxy_buffers 17 4096',
  );
});
