// Parts of the live view's page that need no browser: points of charts, commands that send a request again, HAR files, differences.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { harOf } from '../../src/cockpit/har.ts';
import { KEPT_POINTS, NO_HISTORY, withSnapshot } from '../../src/cockpit/page/history.ts';
import { copyAs, whatIsMissing } from '../../src/cockpit/page/requests/copy-as.ts';
import { readHar } from '../../src/cockpit/page/requests/har.ts';
import { lineDiff } from '../../src/cockpit/page/requests/line-diff.ts';
import type { Shown } from '../../src/cockpit/page/requests/listed.ts';
import type { ShownBody } from '../../src/inspect/body-text.ts';
import type { TrafficSnapshot } from '../../src/observe/traffic/snapshot.ts';

const NO_BODY: ShownBody = { length: 0, text: '', form: 'none', isCut: false, decoded: '' };

function textBody(text: string, isCut = false): ShownBody {
  return { length: text.length + (isCut ? 1000 : 0), text, form: 'text', isCut, decoded: '' };
}

function shown(parts: Partial<Shown>): Shown {
  return {
    id: '1-1',
    version: 1,
    at: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
    client: '127.0.0.1',
    secure: false,
    server: 'one',
    host: 'one.test',
    method: 'GET',
    target: '/a?b=c',
    status: 200,
    type: 'text/plain',
    ms: 12.5,
    firstByteMs: 10,
    requestBytes: 0,
    answerBytes: 2,
    failure: '',
    attempts: [],
    passed: 0,
    requestHead: 'GET /a?b=c HTTP/1.1\r\nHost: one.test\r\nX-Odd: it\'s "$HOME" `id`\r\nX-Empty:\r\n\r\n',
    requestBody: NO_BODY,
    noReplay: '',
    answerHead: 'HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n',
    answerBody: textBody('hi'),
    peerAnswer: '',
    frames: [],
    ...parts,
  };
}

function snapshot(atMs: number, requests: number, startedAtMs = 1): TrafficSnapshot {
  const latency = { count: 0, sumMs: 0, p50Ms: null, p95Ms: null, p99Ms: null, buckets: [] };
  const total = { requests, bytesIn: 0, bytesOut: 0, statuses: { 200: requests }, latency };
  const connections = { accepted: 0, handled: 0, active: 3, reading: 0, writing: 0, waiting: 1 };
  return {
    atMs,
    startedAtMs,
    total,
    connections,
    servers: [],
    upstreams: [],
    acceptors: [],
  } as unknown as TrafficSnapshot;
}

it('makes a point of two snapshots, a gap of a pause, and begins anew with another run', () => {
  let history = withSnapshot(NO_HISTORY, snapshot(1000, 5));
  expect(history.times).toEqual([]);
  history = withSnapshot(history, snapshot(2000, 15));
  expect(history.times).toEqual([2]);
  expect(history.tracks.get(0)?.rows).toMatchObject({ '2xx': [10], active: [3], waiting: [1], p50: [null] });
  history = withSnapshot(history, snapshot(12_000, 35));
  expect(history.times).toEqual([2, 3, 12]);
  expect(history.tracks.get(0)?.rows['2xx']).toEqual([10, null, 2]);
  history = withSnapshot(history, snapshot(13_000, 3, 12_500));
  expect(history.times).toEqual([2, 3, 12]);
  history = withSnapshot(history, snapshot(14_000, 4, 12_500));
  expect(history.tracks.get(0)?.rows['2xx']).toEqual([10, null, 2, 1]);
  for (let i = 0; i < 2 * KEPT_POINTS; i++)
    history = withSnapshot(history, snapshot(15_000 + i * 1000, 4 + i, 12_500));
  expect(history.times).toHaveLength(KEPT_POINTS);
  expect(history.tracks.get(0)?.rows.active).toHaveLength(KEPT_POINTS);
});

it('copies a request as commands that send the same', async () => {
  const got: { method?: string; url?: string; odd: unknown; empty: unknown; body: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (piece) => {
      body += piece;
    });
    request.on('end', () => {
      const { method, url, headers } = request;
      got.push({ method, url, odd: headers['x-odd'], empty: headers['x-empty'], body });
      response.end('x');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const body = textBody('{"it\'s": "žluť & $(id)"}\n@x');
  const requests = [
    shown({ host }),
    shown({ host, method: 'POST', requestBody: body }),
    shown({ host, method: 'PUT', target: "/it's;id", requestBody: body }),
    shown({ host, method: 'HEAD' }),
  ];
  const run = promisify(execFile);
  for (const request of requests) {
    await run('/bin/sh', ['-c', copyAs('curl', request)], { timeout: 20_000 });
    await run(process.execPath, ['--input-type=module', '-e', copyAs('fetch', request)], { timeout: 20_000 });
    const { method, target, requestBody } = request;
    const wanted = { method, url: target, odd: 'it\'s "$HOME" `id`', empty: '', body: requestBody.text };
    expect(got.splice(0)).toEqual([wanted, wanted]);
  }
  server.close();
  server.closeAllConnections();
  expect(copyAs('httpie', requests[1])).toBe(
    `http POST 'http://${host}/a?b=c' \\\n  'X-Odd:it'\\''s "$HOME" \`id\`' \\\n  'X-Empty;' \\\n  --raw '{"it'\\''s": "žluť & $(id)"}\n@x'`,
  );
});

it('says what a copy lacks', () => {
  expect(whatIsMissing(shown({}))).toBe('');
  const hidden = shown({
    requestHead: 'GET / HTTP/1.1\r\nCookie: ********\r\n\r\n',
    requestBody: textBody('abc', true),
  });
  expect(whatIsMissing(hidden)).toMatch(
    /^Not in it: the body behind its first 3 characters, the hidden values\./,
  );
  expect(whatIsMissing(shown({ requestBody: { ...textBody('00ff'), form: 'hex' } }))).toContain(
    'which is no text',
  );
});

it('opens the HAR file that it made, and refuses what is none', () => {
  const attempts = [
    {
      peer: '127.0.0.1:1',
      outcome: 'connect_refused',
      status: 0,
      startMs: 0,
      connectMs: -1,
      headMs: -1,
      totalMs: 1,
      noRetry: '',
      head: '',
    },
  ];
  const made = shown({
    method: 'POST',
    secure: true,
    requestHead: 'POST /a?b=c HTTP/1.1\r\nHost: one.test\r\nContent-Type: text/plain\r\n\r\n',
    requestBody: textBody('given'),
    requestBytes: 5,
    failure: 'none served',
    attempts,
  });
  const binary = shown({ answerBody: { length: 2, text: '00ff', form: 'hex', isCut: false, decoded: '' } });
  const text = JSON.stringify(
    harOf(
      [
        { ...made, id: 1 },
        { ...binary, id: 2 },
      ],
      '1.0',
    ),
  );
  const [second, first] = readHar(text);
  for (const field of [
    'at',
    'secure',
    'host',
    'method',
    'target',
    'status',
    'ms',
    'firstByteMs',
    'failure',
    'attempts',
  ] as const)
    expect(first[field]).toEqual(made[field]);
  expect(first.requestHead).toBe(made.requestHead);
  expect(first.answerHead).toBe(made.answerHead);
  expect([first.requestBody.text, first.answerBody.text]).toEqual(['given', 'hi']);
  expect(second.answerBody).toMatchObject({ text: '00ff', form: 'hex' });
  for (const wrong of ['', '{', 'null', '[]', '{"log":{"entries":1}}'])
    expect(() => readHar(wrong)).toThrow('this is no HAR file');
  for (const odd of [
    '{"log":{"entries":[null,1,{}]}}',
    '{"log":{"entries":[{"request":{"headers":[null]},"_attempts":[1]}]}}',
  ])
    expect(readHar(odd)[0]).toMatchObject({ method: 'GET', status: 0 });
});

it('tells lines apart', () => {
  const told = (left: string, right: string): string =>
    lineDiff(left, right)
      .map(({ side, text }) => `${{ both: ' ', left: '-', right: '+' }[side]}${text}`)
      .join('|');
  expect(told('a\nb\nc', 'a\nx\nc')).toBe(' a|-b|+x| c');
  expect(told('a', 'a\r\nb')).toBe(' a|+b');
  expect(told('a\nb', 'b')).toBe('-a| b');
});
