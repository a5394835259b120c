// Requests that can be read two ways, or not at all: answered once, closed, and never heard of by a peer.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readAnswers } from '../support/answers.ts';
import { type Proxy, startProxy } from '../support/proxy.ts';
import { exchangeRaw, rawClient, readToEnd } from '../support/raw-client.ts';
import { type RecordingPeer, startRecordingPeer } from '../support/recording-peer.ts';
import { malformedRequests } from './malformed-request-table.ts';

let peer: RecordingPeer;
let proxy: Proxy;

beforeAll(async () => {
  peer = await startRecordingPeer();
  proxy = await startProxy(`http { upstream u { server ${peer.address}; }
    server { listen 127.0.0.1:0;
      location / { proxy_pass http://u; proxy_set_header Host $http_host; }
      location /stream { proxy_pass http://u; proxy_set_header Host $http_host; proxy_request_buffering off; }
      location /small { proxy_pass http://u; client_max_body_size 10; } } }`);
});

afterAll(async () => {
  await proxy?.close();
  await peer?.close();
});

beforeEach(() => peer.forget());

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n';
const CHUNKED = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';

describe('a malformed request', () => {
  it('has a table of its kinds', () => {
    expect(malformedRequests.length).toBeGreaterThan(120);
    expect(new Set(malformedRequests.map(([name]) => name)).size).toBe(malformedRequests.length);
  });

  it.each(malformedRequests)(
    '%s: is answered once, and no peer hears of it',
    async (_name, bytes, status) => {
      const answers = readAnswers(await exchangeRaw(proxy.port, bytes));
      expect(answers.map((answer) => answer.status)).toEqual([status]);
      expect(answers[0].fields.get('connection')).toBe('close');
      expect(answers[0].body).toContain(String(status));
      expect(peer.connections).toBe(0);
      expect(peer.received).toEqual([]);
    },
  );

  it.each(malformedRequests)(
    '%s: behind a good one, only that one is passed on',
    async (_name, bytes, status) => {
      for (const method of ['GET', 'HEAD']) {
        peer.forget();
        const good = `${method} /good HTTP/1.1\r\nHost: a\r\n\r\n`;
        const answers = readAnswers(await exchangeRaw(proxy.port, good + bytes), [method]);
        expect(answers.map((answer) => answer.status)).toEqual([200, status]);
        expect(peer.received).toEqual([good]);
      }
    },
  );

  it.each(malformedRequests)(
    '%s: the answer can be read by a client that goes on sending',
    async (_name, bytes, status) => {
      const client = rawClient(proxy.port);
      const more = 'GET /more HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(500);
      client.write(bytes);
      for (let i = 0; i < 8; i++) {
        client.write(more);
        await new Promise(setImmediate);
      }
      const answers = readAnswers(await readToEnd(client));
      expect(answers.map((answer) => answer.status)).toEqual([status]);
      expect(peer.connections).toBe(0);
    },
  );

  it.each(malformedRequests)('%s: in small segments', async (_name, bytes, status) => {
    const client = rawClient(proxy.port);
    const step = Math.max(1, Math.ceil(bytes.length / 40));
    for (let at = 0; at < bytes.length; at += step) {
      client.write(bytes.slice(at, at + step));
      await new Promise(setImmediate);
    }
    const answers = readAnswers(await readToEnd(client));
    expect(answers.map((answer) => answer.status)).toEqual([status]);
    expect(peer.connections).toBe(0);
  });
});

describe('a malformed chunked body', () => {
  const big = 'x'.repeat(0x8000);
  const chunk = `8000\r\n${big}\r\n`;

  it('that does not fit the buffer has its request cut short, never ended', async () => {
    const bytes = `${CHUNKED}${chunk.repeat(8)}5\nhello\r\n0\r\n\r\n`;
    const answers = readAnswers(await exchangeRaw(proxy.port, bytes));
    expect(answers.map((answer) => answer.status)).toEqual([400]);
    for (const text of peer.received) expect(text).not.toMatch(/\r\n0\r\n/);
  });

  it('that is streamed has its request cut short, never ended', async () => {
    const client = rawClient(proxy.port);
    client.write(`POST /stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`);
    await expect.poll(() => peer.received.join('')).toContain('5\r\nhello\r\n');
    client.write('5\nworld\r\n0\r\n\r\n');
    const answers = readAnswers(await readToEnd(client));
    expect(answers.map((answer) => answer.status)).toEqual([400]);
    expect(peer.received).toHaveLength(1);
    expect(peer.received[0].endsWith('\r\n\r\n5\r\nhello\r\n')).toBe(true);
  });

  it('does not make the next client pay', async () => {
    await exchangeRaw(proxy.port, `${CHUNKED}zz\r\n`);
    const answers = readAnswers(await exchangeRaw(proxy.port, `${GET}Connection: close\r\n\r\n`));
    expect(answers.map((answer) => [answer.status, answer.body])).toEqual([[200, 'ok']]);
  });
});
