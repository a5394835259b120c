// expires: every form against the real nginx, on its own answers and on those of a peer, and what only a clock of ours can show.

import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Problems } from '../../../src/config/problem.ts';
import type { ReadContext, SettingRow } from '../../../src/config/row.ts';
import { createHeadersFilter } from '../../../src/features/headers/headers.ts';
import {
  type ExpiresSetting,
  headersDefaults,
  headersRows,
  parseExpires,
} from '../../../src/features/headers/rows.ts';
import { AnswerHead } from '../../../src/http/answer-head.ts';
import { FakeClient, fakeExchange } from '../../support/fake-client.ts';
import { ask, type NginxReference, nginxVersion, startNginx } from '../../support/nginx.ts';

const HEAD = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';
/** 2023-11-14T22:13:20Z. */
const MTIME = 1_700_000_000;
const LAST_MODIFIED = 'Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n';

function readRow(...args: string[]): { value: ExpiresSetting | undefined; messages: string[] } {
  const at = { file: 'x.conf', line: 1, column: 1 };
  const words = args.map((text) => ({ text, at }));
  const problems = new Problems();
  const cx: ReadContext = {
    problems,
    directive: { name: 'expires', args: words, at },
    context: 'location',
    syntax: 'nginx',
    resolvePath: (p) => p,
    template: (word) => word.text,
    pattern: () => true,
    makeVariable: () => undefined,
  };
  const value = (headersRows[0] as SettingRow).read(words, cx) as ExpiresSetting | undefined;
  return { value, messages: problems.list.map((p) => p.message) };
}

/** Lines of an answer after the filter. */
function filtered(
  setting: ExpiresSetting,
  status: number,
  lines: string,
  variable = '',
  now?: () => number,
): string {
  const head = new AnswerHead(status, lines, -1, null);
  const lookup = (name: string) => (name === 'v' ? () => variable : undefined);
  const settings = { ...headersDefaults, expires: setting };
  createHeadersFilter({ settings, lookup }, now)?.head(fakeExchange(new FakeClient(), HEAD), head);
  return head.lines;
}

/** Forms by their arguments, and what `$v` is. */
const FORMS: readonly (readonly [args: string, variable?: string])[] = [
  ['30d'],
  ['1h'],
  ['90'],
  ['0'],
  ['-1'],
  ['-1h'],
  ['+1h'],
  ['"1d 12h"'],
  ['1y'],
  ['1M'],
  ['2w'],
  ['epoch'],
  ['max'],
  ['off'],
  ['@15h30m'],
  ['@0h'],
  ['@24h'],
  ['modified 10y'],
  ['modified +24h'],
  ['modified 0'],
  ['modified -1h'],
  ['modified 1s'],
  ['100y'],
  ['36500d'],
  ['7973y'],
  ['9000y'],
  ['280000y'],
  ['+285616y'],
  ['-100y'],
  ['-280000y'],
  ['modified 280000y'],
  ['modified -285616y'],
  ['$v', '280000y'],
  ['$v', '99999999999999999999y'],
  ['$v', '-99999999999999999999'],
  ['$v', '1h'],
  ['$v', 'max'],
  ['$v', 'epoch'],
  ['$v', 'off'],
  ['$v', 'nonsense'],
  ['$v', ''],
  ['$v', '-5'],
  ['$v', '@3h'],
  ['modified $v', '50y'],
  ['modified $v', 'max'],
  ['1$v', 'h'],
];

/** Answers of a peer whose lines the filter changes. */
const PEER_FIELDS: Record<string, string[]> = {
  none: [],
  both: ['Expires', 'Thu, 01 Jan 2015 00:00:00 GMT', 'Cache-Control', 'private'],
  several: [
    'Cache-Control',
    'private',
    'X-Between',
    'y',
    'cache-control',
    'no-store',
    'CACHE-CONTROL',
    'x=1',
  ],
  modified: [
    'Last-Modified',
    'Tue, 14 Nov 2023 22:13:20 GMT',
    'X-Expires',
    'not this',
    'Surrogate-Control',
    'nor this',
  ],
};

describe.skipIf(nginxVersion === '')('expires as nginx does it', () => {
  let nginx: NginxReference;
  let peer: http.Server;
  let dir: string;

  beforeAll(async () => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lbproxy-expires-'));
    fs.writeFileSync(path.join(dir, 'f'), 'x');
    fs.utimesSync(path.join(dir, 'f'), MTIME, MTIME);
    peer = http.createServer((request, response) => {
      response.sendDate = false;
      const [, name, status] = (request.url ?? '').split('/');
      response.writeHead(Number(status), PEER_FIELDS[name]);
      response.end();
    });
    await new Promise<void>((resolve) => peer.listen(0, '127.0.0.1', resolve));
    const { port } = peer.address() as AddressInfo;
    const blocks = FORMS.map(([args, variable], i) => {
      const set = variable === undefined ? '' : `set $v "${variable}";`;
      return (
        `location = /file${i} { alias ${dir}/f; ${set} expires ${args}; }` +
        `location /peer${i}/ { ${set} expires ${args}; proxy_pass http://127.0.0.1:${port}/; }`
      );
    });
    nginx = await startNginx(blocks.join('\n'));
  });
  afterAll(async () => {
    await nginx?.stop();
    await new Promise((resolve) => peer?.close(resolve));
    fs.rmSync(dir, { recursive: true, force: true });
  });

  async function compare(i: number, uri: string, status: number, lines: string): Promise<void> {
    const [args, variable] = FORMS[i];
    const words = args.startsWith('"') ? [args.slice(1, -1)] : args.split(' ');
    const { value, messages } = readRow(...words);
    expect(messages).toEqual([]);
    const expected = await ask(nginx.port, `GET ${uri} HTTP/1.1\r\nHost: h\r\n\r\n`);
    expect(expected.status).toBe(status);
    const ours = filtered(value!, status, lines, variable);
    const text = ours.split('\r\n').filter((line) => line !== '');
    const theirs = expected.fields.map((field) => field.join(': '));
    expect(onlyCaching(text)).toEqual(onlyCaching(theirs));
    const [a, b] = [timesOf(text), timesOf(theirs)];
    // The clock may move between the two answers.
    for (const key of ['expires', 'maxAge'] as const)
      expect(Math.abs(a[key] - b[key])).toBeLessThanOrEqual(2);
  }

  it.each(FORMS.map(([args, variable], i) => ({ name: `${args} (${variable ?? '-'})`, i })))(
    '$name',
    async ({ i }) => {
      await compare(i, `/file${i}`, 200, `Content-Type: text/plain\r\n${LAST_MODIFIED}`);
      for (const [name, fields] of Object.entries(PEER_FIELDS)) {
        let lines = '';
        for (let f = 0; f < fields.length; f += 2) lines += `${fields[f]}: ${fields[f + 1]}\r\n`;
        await compare(i, `/peer${i}/${name}/200`, 200, lines);
      }
    },
  );

  it.each([200, 201, 202, 204, 206, 300, 301, 302, 303, 304, 307, 308, 400, 404, 410, 500, 503])(
    'status %i',
    async (status) => {
      await compare(
        0,
        `/peer0/both/${status}`,
        status,
        'Expires: Thu, 01 Jan 2015 00:00:00 GMT\r\nCache-Control: private\r\n',
      );
    },
  );
});

const CACHING = /^(?:expires|cache-control): /i;

/** Field lines that are about caching, with their times cut out: their number, place among each other and kind. */
function onlyCaching(lines: readonly string[]): string[] {
  return lines
    .filter((line) => CACHING.test(line))
    .map((line) => line.toLowerCase())
    .map((line) =>
      line
        .replace(/max-age=(?!315360000$)\d+/, 'max-age=N')
        .replace(
          /^(expires: )\w{3}, .*(?<!1970 00:00:01 gmt|2037 23:55:55 gmt|jan 2015 00:00:00 gmt)$/,
          '$1DATE',
        ),
    )
    .sort();
}

function timesOf(lines: readonly string[]): { expires: number; maxAge: number } {
  const expires = lines.find((line) => /^expires: /i.test(line));
  const maxAge = lines.map((line) => /max-age=(\d+)/.exec(line)?.[1]).find((age) => age !== undefined);
  return {
    expires: expires === undefined ? 0 : Date.parse(expires.slice(9)) / 1000,
    maxAge: Number(maxAge ?? 0),
  };
}

describe('expires', () => {
  const at =
    (text: string): (() => number) =>
    () =>
      Date.parse(text);

  it('keeps the place of the first line and drops the others', () => {
    const lines = 'A: 1\r\ncache-control: x\r\nB: 2\r\nExpires: never\r\nCache-Control: y\r\nC: 3\r\n';
    expect(filtered({ kind: 'max' }, 200, lines)).toBe(
      'A: 1\r\nCache-Control: max-age=315360000\r\nB: 2\r\nExpires: Thu, 31 Dec 2037 23:55:55 GMT\r\nC: 3\r\n',
    );
  });

  it('counts the next time of day from the local clock, later than now', () => {
    const noon = new Date(2026, 5, 1, 12, 0, 0).getTime();
    const expectAt = (secondOfDay: number, day: number): void => {
      const lines = filtered({ kind: 'daily', secondOfDay }, 200, '', '', () => noon);
      const time = new Date(2026, 5, day, 0, 0, secondOfDay).getTime();
      expect(lines).toBe(
        `Expires: ${new Date(time).toUTCString()}\r\nCache-Control: max-age=${(time - noon) / 1000}\r\n`,
      );
    };
    expectAt(13 * 3600, 1);
    expectAt(12 * 3600, 2);
    expectAt(11 * 3600, 2);
    expectAt(0, 2);
    expectAt(86_400, 1);
  });

  it('counts from Last-Modified, and says no-cache when that is over', () => {
    const filter = (offsetSeconds: number): string =>
      filtered({ kind: 'modified', offsetSeconds }, 200, LAST_MODIFIED, '', at('2023-11-14T22:13:30Z')).slice(
        LAST_MODIFIED.length,
      );
    expect(filter(60)).toBe('Expires: Tue, 14 Nov 2023 22:14:20 GMT\r\nCache-Control: max-age=50\r\n');
    expect(filter(10)).toBe('Expires: Tue, 14 Nov 2023 22:13:30 GMT\r\nCache-Control: max-age=0\r\n');
    expect(filter(9)).toBe('Expires: Tue, 14 Nov 2023 22:13:29 GMT\r\nCache-Control: no-cache\r\n');
    const early = at('2023-11-14T12:00:00Z');
    const negative = filtered({ kind: 'modified', offsetSeconds: -60 }, 200, LAST_MODIFIED, '', early);
    expect(negative).toContain('22:12:20 GMT\r\nCache-Control: no-cache');
    const odd = filtered(
      { kind: 'modified', offsetSeconds: 60 },
      200,
      'Last-Modified: soon\r\n',
      '',
      at('2023-11-14T22:13:30Z'),
    );
    expect(odd).toContain('max-age=60');
  });

  it('has no filter when off', () => {
    expect(createHeadersFilter({ settings: headersDefaults, lookup: () => undefined })).toBeNull();
  });

  it('ends on lines without their end', () => {
    expect(filtered({ kind: 'epoch' }, 200, 'Expires: x')).toContain('no-cache');
  });

  it.each([
    [['max'], { kind: 'max' }],
    [['off'], { kind: 'off' }],
    [['-0'], { kind: 'access', offsetSeconds: 0 }],
    [['@15h30m'], { kind: 'daily', secondOfDay: 55_800 }],
    [['modified', '-1d'], { kind: 'modified', offsetSeconds: -86_400 }],
    [['modified', '$v'], { kind: 'template', text: '$v', modified: true }],
  ])('reads %j', (args, value) => {
    expect(readRow(...args)).toEqual({ value, messages: [] });
  });

  it.each([
    [['soon']],
    [['']],
    [['-']],
    [['@']],
    [['@25h']],
    [['500ms']],
    [['1h', '2h']],
    [['modified', 'max']],
    [['modified', '@1h']],
    [['--1']],
    [['1.5h']],
  ])('refuses %j', (args) => {
    const { value, messages } = readRow(...args);
    expect(value).toBeUndefined();
    expect(messages).toHaveLength(1);
  });

  it('leaves every other line as it was, whatever they are', () => {
    const name = fc.constantFrom(
      'Expires',
      'expires',
      'Cache-Control',
      'CACHE-control',
      'X-A',
      'X-Expires',
      'Age',
    );
    const line = fc.tuple(name, fc.stringMatching(/^[ -~]{0,12}$/)).map(([n, v]) => `${n}: ${v}`);
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), (list) => {
        const out = filtered({ kind: 'max' }, 200, list.map((l) => `${l}\r\n`).join(''))
          .split('\r\n')
          .slice(0, -1);
        expect(out.filter((l) => !CACHING.test(l))).toEqual(list.filter((l) => !CACHING.test(l)));
        expect(out.filter((l) => CACHING.test(l)).sort()).toEqual([
          'Cache-Control: max-age=315360000',
          'Expires: Thu, 31 Dec 2037 23:55:55 GMT',
        ]);
      }),
    );
  });

  it('reads any text without throwing', () => {
    fc.assert(
      fc.property(fc.string(), fc.boolean(), (text, modified) => {
        const value = parseExpires(text, modified);
        if (value?.kind === 'daily') expect(value.secondOfDay).toBeLessThanOrEqual(86_400);
      }),
    );
  });
});
