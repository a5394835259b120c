// Error pages with error_detail: what they say, in the form that each client reads, and that nobody can write anything but text into them.

import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { detailPage } from '../../src/serve/detail-page.ts';
import { detailJson, detailLine, type ErrorDetail } from '../../src/serve/error-detail.ts';
import { type Answer, get } from '../support/http-client.ts';
import { type Proxy, startProxy } from '../support/proxy.ts';
import { deadPort } from '../support/upstream.ts';

const HTML = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
const JSON_ONLY = { accept: 'application/json' };
const CURL = { accept: '*/*', 'user-agent': 'curl/8.5.0' };

let proxy: Proxy;
let garbage: Server;
let dir: string;
let off: Proxy;

const text = (detail: string, dead: number, garbagePort: number): string => `http { ${detail}
  upstream app { server 127.0.0.1:${dead}; server 127.0.0.1:${garbagePort}; }
  limit_req_zone all zone=one:32k rate=1r/m;
  server { listen 127.0.0.1:0;
    location /app { proxy_pass http://app; proxy_next_upstream error invalid_header; }
    location /files/ { alias ${dir}/; }
    location /tried { root ${dir}; try_files $uri $uri/ /nothing-here =404; }
    location /denied { deny all; }
    location /small { client_max_body_size 10; proxy_pass http://app; }
    location /limited { limit_req zone=one; root ${dir}; }
    location /login { auth_basic hello; auth_basic_user_file /nobody; root ${dir}; }
    location /answer { error_page 404 /own; return 404; }
    location /own { return 404 "own text"; }
    location /plain { return 403; }
  } }`;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-detail-'));
  garbage = createServer((socket: Socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end('<script>alert(1)</script>\r\n\r\n'));
  });
  await new Promise<void>((resolve) => garbage.listen(0, '127.0.0.1', resolve));
  const { port } = garbage.address() as { port: number };
  const dead = await deadPort();
  proxy = await startProxy(text('error_detail on;', dead, port));
  off = await startProxy(text('', dead, port));
});
afterAll(async () => {
  await proxy?.close();
  await off?.close();
  garbage?.close();
  rmSync(dir, { recursive: true, force: true });
});

const ask = (path: string, headers: Readonly<Record<string, string>>, post?: string): Promise<Answer> =>
  get(proxy.port, path, post === undefined ? { headers } : { headers, post });

describe('an error page with error_detail', () => {
  it('is HTML for browsers: each attempt, the place, the next step, a retry', async () => {
    const { status, headers, body } = await ask('/app/x', HTML);
    expect(status).toBe(502);
    expect(headers).toMatchObject({
      'content-type': 'text/html',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    expect(body).toContain('<h1>502 Bad Gateway</h1>');
    expect(body).toContain('connect_refused: nothing listens on that address');
    expect(body).toContain('malformed_head: ');
    expect(body).toMatch(/<code>[^<]*nginx\.conf:5:\d+<\/code>/);
    expect(body).toMatch(/\d ms<\/td>/);
    expect(body).toContain('location.reload()');
    // Nothing is loaded from elsewhere.
    expect(body).not.toMatch(/\b(?:src|href)=/);
    expect(body).toMatch(/^[\x20-\x7e\r\n]*$/);
  });

  it('does not ask again by itself for what was sent, nor for what will stay so', async () => {
    expect((await ask('/app/x', HTML, 'pay')).body).not.toContain('<script>');
    expect((await ask('/files/none', HTML)).body).not.toContain('<script>');
  });

  it('is loaded anew once there is another answer', async () => {
    const { body } = await ask('/app/x', HTML);
    const script = /<script>(.*)<\/script>/.exec(body)?.[1] ?? '';
    const note = { hidden: true };
    const delays: number[] = [];
    const asked: unknown[] = [];
    let reloads = 0;
    const answers = [{ status: 502 }, null, { status: 503 }, { status: 504 }, { status: 200 }];
    const fetch = async (url: string, options: { method: string }): Promise<{ status: number }> => {
      asked.push([url, options.method]);
      const answer = answers[asked.length - 1];
      if (!answer) throw new TypeError('Failed to fetch');
      return answer;
    };
    await new Promise<void>((resolve) => {
      runInNewContext(script, {
        window: { fetch },
        fetch,
        document: { getElementById: (id: string) => (id === 'retry' ? note : null) },
        location: {
          href: 'http://a/app/x',
          reload: () => {
            reloads++;
            resolve();
          },
        },
        setTimeout: (then: () => void, ms: number) => {
          delays.push(ms);
          setImmediate(then);
        },
      });
    });
    expect(note.hidden).toBe(false);
    expect(reloads).toBe(1);
    expect(asked).toEqual(answers.map(() => ['http://a/app/x', 'HEAD']));
    expect(delays).toEqual(answers.map(() => 1000));
  });

  it('is JSON for who asks for that', async () => {
    const { headers, body } = await ask('/app/a?b=%3Cscript%3E', JSON_ONLY);
    expect(headers['content-type']).toBe('application/json');
    const detail = JSON.parse(body);
    expect(detail).toMatchObject({
      status: 502,
      reason: 'Bad Gateway',
      method: 'GET',
      uri: '/app/a?b=%3Cscript%3E',
    });
    expect(detail.attempts.map(({ outcome }: { outcome: string }) => outcome).toSorted()).toEqual([
      'connect_refused',
      'malformed_head',
    ]);
    for (const { peer, upstream, totalMs } of detail.attempts) {
      expect(peer).toMatch(/^127\.0\.0\.1:\d+$/);
      expect(upstream).toBe('app');
      expect(totalMs).toBeGreaterThanOrEqual(0);
    }
    expect(detail.at).toMatch(/nginx\.conf:5:\d+$/);
    expect(detail.next).not.toBe('');
  });

  it('is one line for curl', async () => {
    const { headers, body } = await ask('/app/x', CURL);
    expect(headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(body).toMatch(
      /^502 Bad Gateway: .*; tried 127\.0\.0\.1:\d+ \(\w+, [\d.]+ ms\), .*; at .*nginx\.conf:5:\d+; next: .*\n$/,
    );
    expect(body.split('\n')).toHaveLength(2);
  });

  it('is in the form that Accept and User-Agent ask for', async () => {
    const typeOf = async (headers: Readonly<Record<string, string>>) =>
      (await ask('/plain', headers)).headers['content-type'];
    expect(await typeOf({})).toBe('text/html');
    expect(await typeOf({ accept: '*/*' })).toMatch(/^text\/plain/);
    expect(await typeOf({ 'user-agent': 'curl/7.0' })).toMatch(/^text\/plain/);
    expect(await typeOf({ ...CURL, accept: 'application/json' })).toBe('application/json');
    expect(await typeOf({ ...CURL, accept: 'text/html' })).toBe('text/html');
    expect(await typeOf({ accept: 'application/problem+json' })).toBe('application/json');
    expect(await typeOf({ accept: 'application/json, text/plain, */*' })).toBe('application/json');
  });

  it.each([
    ['/files/none', undefined, 404, /none" failed \(2: No such file/],
    ['/tried', undefined, 404, /looked for ".*\/tried", ".*\/tried\/", ".*\/nothing-here"/],
    ['/denied', undefined, 403, /access forbidden by rule/],
    ['/files/', undefined, 403, /directory index of ".*" is forbidden/],
    [
      '/small',
      'more than ten bytes',
      413,
      /client_max_body_size \(10 bytes\).*next: Raise client_max_body_size/,
    ],
    ['/login', undefined, 401, /no user\/password was provided/],
    ['/plain', undefined, 403, /the configuration of this place answers so/],
  ] as const)('of %s says why', async (path, post, status, why) => {
    const answer = await ask(path, CURL, post);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatch(why);
  });

  it('of a limit says so', async () => {
    await ask('/limited', CURL);
    const { status, body } = await ask('/limited', CURL);
    expect(status).toBe(503);
    expect(body).toMatch(/limiting requests, excess: .* by zone "one"/);
  });

  it('leaves error_page and texts of `return` alone', async () => {
    expect((await ask('/answer', HTML)).body).toBe('own text');
    expect((await ask('/own', CURL)).body).toBe('own text');
  });

  it('answers HEAD with a head', async () => {
    const answer = await raw(proxy.port, 'HEAD', '/plain');
    expect(answer).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
    expect(answer).toMatch(/\r\nContent-Length: [1-9]/);
    expect(answer).toMatch(/\r\n\r\n$/);
  });

  it('without it is the same page for everybody', async () => {
    for (const path of ['/app/x', '/files/none', '/denied', '/plain'])
      for (const headers of [HTML, JSON_ONLY, CURL]) {
        const { body, headers: fields } = await get(off.port, path, { headers });
        expect(fields['content-type']).toBe('text/html');
        expect(fields).not.toHaveProperty('cache-control');
        expect(body).toMatch(
          /^<html>\r\n<head><title>(\d+ [\w ]+)<\/title><\/head>\r\n<body>\r\n<center><h1>\1<\/h1><\/center>\r\n<hr>/,
        );
        expect(body).not.toContain('127.0.0.1');
      }
  });
});

describe('whatever others wrote', () => {
  const BAD = '</pre></script><script>alert("1")</script><!--#include virtual="/x" -->\x1b[31m\u2028\u00fc\0';
  const detail: ErrorDetail = {
    status: 502,
    reason: BAD,
    problem: BAD,
    method: BAD,
    uri: BAD,
    at: BAD,
    attempts: [
      {
        peer: BAD,
        upstream: BAD,
        outcome: BAD,
        cause: BAD,
        status: 0,
        connectMs: -1,
        headMs: -1,
        totalMs: 1,
      },
    ],
    output: [BAD, BAD],
    next: BAD,
    retries: false,
  };

  it('is text', () => {
    const page = detailPage(detail, BAD);
    expect(page).not.toContain('<script');
    expect(page).not.toContain('<!--');
    expect(page).not.toContain('"1"');
    expect(page).toMatch(/^[\x20-\x7e\r\n]*$/);
    const json = detailJson(detail);
    expect(json).toMatch(/^[\x20-\x7e]*\n$/);
    expect(json).not.toContain('<');
    const { retries: _, ...rest } = detail;
    expect(JSON.parse(json)).toEqual(rest);
    const line = detailLine(detail);
    expect(line).not.toContain('<!--#');
    expect(line.slice(0, -1)).not.toMatch(/\p{Cc}/u);
  });

  it('in a URI, too', async () => {
    const socketAnswer = await raw(proxy.port, 'GET', `/app/<script>alert(1)</script>"'\xfc`);
    expect(socketAnswer).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&#252;');
    expect(socketAnswer).not.toContain('<script>alert');
  });
});

function raw(port: number, method: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, '127.0.0.1', () =>
      socket.write(
        Buffer.from(
          `${method} ${path} HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\nConnection: close\r\n\r\n`,
          'latin1',
        ),
      ),
    );
    let all = '';
    socket.on('data', (piece: Buffer) => {
      all += piece.toString('latin1');
    });
    socket.on('end', () => resolve(all));
    socket.on('error', reject);
  });
}
