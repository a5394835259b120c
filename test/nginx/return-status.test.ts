// Every status that `return` can be given: sent as nginx sends it, where that is an answer of HTTP; refused where no client could read it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, nginxComplaint, nginxVersion, tempPaths, type WireAnswer } from '../support/nginx.ts';
import { readModel, startProxy } from '../support/proxy.ts';
import { type Pair, startPair } from './pair.ts';

/** Written after `return`. 205 stands below, as we differ there; so does 304, which has no Content-Type here (RFC 9110 §15.4.5). */
const SENT = [
  '200;200 x;201;204;204 x;299;299 x;300 x;306 x;399;0200 x;301 http://b.example/x;302;303 ""',
  '404;404 "";404 x;418;418 x;430;444 x;499 x;494;496;497;500 $arg_none;503;508;599;599 x',
].flatMap((line) => line.split(';'));

const server = (what: readonly string[]): string =>
  what.map((words, i) => `location = /${i} { return ${words}; }`).join('\n');

const get = (i: number): string => `GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`;

/** What a client tells from another: no Server, no Date; a page by its length would name the server, so by its first lines. */
function told({ status, fields, body }: WireAnswer): unknown {
  const kept = fields.filter(([name]) => !/^(?:Server|Date|Content-Length|Connection)$/.test(name));
  return { status, kept, text: body.toString('latin1').split('<hr>')[0] };
}

describe.skipIf(nginxVersion === '')('return', () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair(`server { listen {port}; ${server(SENT)} }`);
  });
  afterAll(() => pair?.close());

  it.each(SENT.map((words, i) => [words, i] as const))('return %s', async (_words, i) => {
    const nginx = await ask(pair.nginx.port, get(i));
    expect(told(await ask(pair.lbproxy.port, get(i)))).toEqual(told(nginx));
  });
});

describe('return with a status that is none of an answer', () => {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-return-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const text = (words: string): string =>
    `events { } http { ${tempPaths(dir)}\nserver { listen 127.0.0.1:9;\nreturn ${words}; } }`;
  const said = (words: string): string => {
    try {
      return readModel(text(words).replace(/\w+_temp_path \S+;/g, '')).warnings;
    } catch (error) {
      return (error as Error).message;
    }
  };

  it.each(['0', '1 x', '99', '100', '100 x', '101 x', '103', '199 x', '0 http://a.example/'])(
    '%s is refused, though nginx sends it: no client takes it for an answer',
    (words) => {
      expect(said(words)).toContain(
        `nginx.conf:3:8: "return ${words.split(' ')[0]}" is no answer: a final status is from 200 to 599; write return 404; or return 200 "text";`,
      );
      if (nginxVersion !== '') expect(nginxComplaint(dir, text(words))).toBe('');
    },
  );

  it.each(['600', '999 x'])('%s is sent as nginx sends it, with a warning', (words) => {
    const status = words.split(' ')[0];
    expect(said(words)).toContain(
      `nginx.conf:3:8: warning: ${status} is no status of HTTP: clients take it for a 500; write one from 200 to 599`,
    );
    if (nginxVersion !== '') expect(nginxComplaint(dir, text(words))).toBe('');
  });

  it.each(['1000', '-1', '200.5', '2e2', 'abc', '""'])('%s is refused by both', (words) => {
    expect(said(words)).toMatch(/^nginx\.conf:3:8: invalid return code /);
    if (nginxVersion !== '') expect(nginxComplaint(dir, text(words))).toContain('invalid return code');
  });
});

it('205 has no body, whatever the text: RFC 9110 §15.3.6', async () => {
  const proxy = await startProxy('http { server { listen 127.0.0.1:0; return 205 text; } }');
  const { status, fields, body } = await ask(proxy.port, get(0));
  await proxy.close();
  expect([status, body.length, fields.filter(([name]) => /^(?:Content|Transfer)/.test(name))]).toEqual([
    205,
    0,
    [['Content-Length', '0']],
  ]);
});
