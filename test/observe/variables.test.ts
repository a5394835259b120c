// The variables of the end of an exchange.
import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import type { Exchange } from '../../src/exchange/exchange.ts';
import { observeVariables } from '../../src/observe/variables.ts';
import { stubExchange } from '../support/stub-exchange.ts';

const value = (name: string, exchange: Exchange) => observeVariables.plain[name](exchange);

describe('observeVariables', () => {
  it('prints the status with three digits', () => {
    const exchange = stubExchange();
    expect(value('status', exchange)).toBe('000');
    exchange.status = 204;
    expect(value('status', exchange)).toBe('204');
  });

  it('counts bytes', () => {
    const exchange = stubExchange('POST /a HTTP/1.1\r\nHost: a\r\n\r\n');
    exchange.sentHead = 'h'.repeat(100);
    exchange.bodyBytesSent = 23;
    exchange.bodyBytesReceived = 5;
    expect(value('bytes_sent', exchange)).toBe('123');
    expect(value('body_bytes_sent', exchange)).toBe('23');
    expect(value('request_length', exchange)).toBe(String(29 + 5));
  });

  it('prints times as nginx does', () => {
    const exchange = stubExchange();
    Object.assign(exchange, { startedAt: performance.now() - 1234 });
    const seconds = value('request_time', exchange) ?? '';
    expect(seconds).toMatch(/^\d+\.\d{3}$/);
    expect(Number(seconds)).toBeGreaterThanOrEqual(1.234);
    expect(Number(seconds)).toBeLessThan(2.5);
    Object.assign(exchange, { startedAt: performance.now() + 50 });
    expect(value('request_time', exchange)).toBe('0.000');
    const now = Date.now() / 1000;
    expect(Math.abs(Number(value('msec', exchange)) - now)).toBeLessThan(1);
    expect(value('msec', exchange)).toMatch(/^\d{10}\.\d{3}$/);
    expect(value('time_local', exchange)).toMatch(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}$/);
    const iso = value('time_iso8601', exchange) ?? '';
    expect(iso).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/);
    expect(Math.abs(Date.parse(iso) / 1000 - now)).toBeLessThan(2);
  });

  it('knows the process', () => {
    const exchange = stubExchange();
    expect(value('pid', exchange)).toBe(String(process.pid));
    expect(value('hostname', exchange)).toBe(hostname().toLowerCase());
    expect(value('pipe', exchange)).toBe('.');
    expect(value('nginx_version', exchange)).toMatch(/^\d+\.\d+\.\d+$/);
  });
});
