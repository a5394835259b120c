// When the cookie of userid ends: in two digits of the year as long as old browsers take them right, then in four.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { get } from '../support/http-client.ts';
import { type Proxy, startProxy } from '../support/proxy.ts';

const DAY_S = 86_400;
const YEARS_30 = 30 * 365 * DAY_S;

let proxy: Proxy;
beforeAll(async () => {
  proxy = await startProxy(`server { listen 127.0.0.1:0; userid on;
    location = /soon { userid_expires 1d; return 204; }
    location = /late { userid_expires ${YEARS_30}s; return 204; } }`);
});
afterAll(() => proxy?.close());

it.each([
  ['/soon', DAY_S, /; expires=(\w{3}), (\d\d)-(\w{3})-(\d\d) (\d\d:\d\d:\d\d) GMT;/, '20'],
  ['/late', YEARS_30, /; expires=(\w{3}), (\d\d)-(\w{3})-(\d{4}) (\d\d:\d\d:\d\d) GMT;/, ''],
])('%s', async (path, seconds, form, century) => {
  const before = Math.floor(Date.now() / 1000);
  const { headers } = await get(proxy.port, path);
  const [, day, date, month, year, time] = form.exec(String(headers['set-cookie'])) ?? [];
  const text = `${day}, ${date} ${month} ${century}${year} ${time} GMT`;
  const ends = Date.parse(text) / 1000;
  expect(new Date(ends * 1000).toUTCString()).toBe(text);
  expect(ends).toBeGreaterThanOrEqual(before + seconds);
  expect(ends).toBeLessThanOrEqual(Math.floor(Date.now() / 1000) + seconds);
});
