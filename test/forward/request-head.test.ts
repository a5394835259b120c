// The fields of proxy_set_header stand in each head with that request's own values, whatever the request before had.
import { expect, it } from 'vitest';
import { compileRequestHead } from '../../src/forward/request-head.ts';
import { FakeClient, fakeExchange } from '../support/fake-client.ts';

const exchange = fakeExchange(new FakeClient(), 'GET /a HTTP/1.1\r\nHost: h\r\nX-Own: no\r\n\r\n');

it('for values that stay, change, come back, vanish, or would end their line', () => {
  let value = '';
  const write = compileRequestHead({
    set: [['X-Own', () => value]],
    method: null,
    target: () => '/a',
    passFields: true,
    http10: false,
    keepalive: true,
  });
  // More different ones in a row than are tried to be kept, each several times, and the first ones again.
  const ids = Array.from({ length: 30 }, (_, i) => `id-${i}`);
  const values = [
    '',
    'a',
    'a',
    'b',
    '',
    'a',
    ...ids,
    ...ids.flatMap((id) => [id, id]),
    'a',
    'a',
    'b',
    '',
    'x\r\nEvil: 1',
    'a',
  ];
  for (value of values) {
    const line = value === '' ? '' : `X-Own: ${value.replace('\r\n', '  ')}\r\n`;
    expect(write(exchange, { kind: 'none' }, false)).toBe(`GET /a HTTP/1.1\r\n${line}Host: h\r\n\r\n`);
  }
});

it('for fields that came before, by the rules of each location', () => {
  const head =
    'GET /b HTTP/1.1\r\nHost: h\r\nX-One: 1\r\nX-Two:  2\r\nConnection: close, X-Three\r\nX-Three: 3\r\nX-Four: 4\r\n\r\n';
  const writer = (name: string) =>
    compileRequestHead({
      set: [[name, () => 'own']],
      method: null,
      target: () => '/b',
      passFields: true,
      http10: false,
      keepalive: true,
    });
  const one = writer('X-One');
  const four = writer('X-Four');
  const known: boolean[] = [];
  for (let time = 0; time < 10; time++) {
    const x = fakeExchange(new FakeClient(), head);
    known.push(x.request.known !== null);
    expect(one(x, { kind: 'none' }, false)).toBe(
      'GET /b HTTP/1.1\r\nX-One: own\r\nHost: h\r\nX-Two: 2\r\nX-Four: 4\r\n\r\n',
    );
    expect(four(x, { kind: 'none' }, false)).toBe(
      'GET /b HTTP/1.1\r\nX-Four: own\r\nHost: h\r\nX-One: 1\r\nX-Two: 2\r\n\r\n',
    );
  }
  expect(known[0]).toBe(false);
  expect(known.at(-1)).toBe(true);
});
