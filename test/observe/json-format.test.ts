// The built-in JSON access log: one valid line of UTF-8 for whatever bytes came.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Attempt } from '../../src/exchange/attempt.ts';
import type { Exchange } from '../../src/exchange/exchange.ts';
import { createJsonLog } from '../../src/observe/json-format.ts';
import { stubExchange } from '../support/stub-exchange.ts';

function logged(exchange: Exchange): { line: string; record: Record<string, unknown> } {
  const lines: string[] = [];
  createJsonLog(
    () => undefined,
    (line) => lines.push(line),
  )(exchange);
  expect(lines).toHaveLength(1);
  const line = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(lines[0], 'latin1'));
  return { line, record: JSON.parse(line) };
}

describe('createJsonLog', () => {
  it('tells the whole story of a request', () => {
    const exchange = stubExchange(
      'POST /a?b HTTP/1.1\r\nHost: example.org\r\nUser-Agent: curl/8\r\nReferer: http://r/\r\n\r\n',
    );
    Object.assign(exchange, { startedAt: performance.now() - 250, status: 200, bodyBytesSent: 48 });
    const failed = new Attempt('127.0.0.1:8001', 0);
    Object.assign(failed, { outcome: 'connect_refused', totalMs: 0.4 });
    const served = new Attempt('127.0.0.1:8002', 0);
    Object.assign(served, { outcome: 'ok', status: 200, connectMs: 0.1234567, headMs: 2, totalMs: 3 });
    exchange.beginAttempt(failed);
    exchange.beginAttempt(served);
    const { line, record } = logged(exchange);
    expect(line).toMatch(/^\{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","method":/);
    expect(line.endsWith('}\n')).toBe(true);
    expect(record.ms).toBeGreaterThanOrEqual(250);
    expect(record).toEqual({
      time: record.time,
      method: 'POST',
      uri: '/a?b',
      status: 200,
      bytes: 48,
      ms: record.ms,
      client: '192.0.2.7',
      host: 'example.org',
      protocol: 'HTTP/1.1',
      referer: 'http://r/',
      user_agent: 'curl/8',
      attempts: [
        {
          peer: '127.0.0.1:8001',
          status: null,
          outcome: 'connect_refused',
          connect_ms: null,
          head_ms: null,
          total_ms: 0.4,
        },
        { peer: '127.0.0.1:8002', status: 200, outcome: 'ok', connect_ms: 0.123, head_ms: 2, total_ms: 3 },
      ],
    });
  });

  it('leaves out what there is not, and names the failure', () => {
    const exchange = stubExchange('GET / HTTP/1.0\r\n\r\n');
    exchange.failure = 'client_aborted';
    const { record } = logged(exchange);
    expect(record).toMatchObject({ protocol: 'HTTP/1.0', failure: 'client_aborted', host: '' });
    for (const name of ['referer', 'user_agent', 'attempts']) expect(record).not.toHaveProperty(name);
  });

  it('takes the client from $remote_addr where that is defined', () => {
    const lines: string[] = [];
    createJsonLog(
      (name) => (name === 'remote_addr' ? () => '203.0.113.9' : undefined),
      (line) => lines.push(line),
    )(stubExchange());
    expect(JSON.parse(lines[0]).client).toBe('203.0.113.9');
  });

  it('reads UTF-8 as such, other bytes as ISO 8859-1, and escapes controls', () => {
    const agent = (bytes: Buffer) =>
      logged(
        stubExchange(
          Buffer.concat([Buffer.from('GET / HTTP/1.0\r\nUser-Agent: '), bytes, Buffer.from('\r\n\r\n')]),
        ),
      );
    expect(agent(Buffer.from('Grüße €')).record.user_agent).toBe('Grüße €');
    expect(agent(Buffer.from('Gr\xfc\xdfe', 'latin1')).record.user_agent).toBe('Grüße');
    const csi = agent(Buffer.from('a\x9b31m', 'latin1'));
    expect(csi.record.user_agent).toBe('a\x9b31m');
    expect(csi.line).toContain('a\\u009b31m');
  });

  it('gives one line of valid UTF-8 without control bytes, whatever a field holds', () => {
    const byte = fc.integer({ min: 32, max: 255 }).filter((c) => c !== 127);
    fc.assert(
      fc.property(fc.array(byte), (codes) => {
        const value = String.fromCharCode(...codes).trim();
        const { line } = logged(stubExchange(`GET / HTTP/1.0\r\nReferer: ${value}\r\n\r\n`));
        expect(line).toMatch(/^[^\x00-\x1f\x7f-\x9f]*\n$/);
      }),
    );
  });
});
