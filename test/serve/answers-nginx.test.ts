// `return` of every kind against the real nginx: pages, redirects and texts, byte for byte.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendText } from '../../src/answer/whole.ts';
import { createFail, errorPage } from '../../src/serve/error-page.ts';
import { escapeHtml } from '../../src/serve/escape-html.ts';
import { createTypeOf } from '../../src/serve/mime.ts';
import { createSendRedirect, locationValue } from '../../src/serve/redirect.ts';
import { FakeClient, fakeExchange } from '../support/fake-client.ts';
import { ask, type NginxReference, nginxVersion, startNginx } from '../support/nginx.ts';

const PAGES = [
  400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 411, 412, 413, 414, 415, 416, 421, 429, 494, 495, 496,
  497, 500, 501, 502, 503, 504, 505, 507,
];
/** Statuses without a page in nginx and without a phrase here. */
const EMPTY = [418, 420, 451, 506, 599];
const REDIRECTS: [number, string][] = [301, 302, 303, 307, 308].flatMap((status): [number, string][] => [
  [status, '/there'],
  [status, 'https://example.com/x?y'],
]);
REDIRECTS.push([301, 'relative'], [302, '//other.example/x'], [301, '/sp ace']);
const TEXTS: [number, string, string][] = [
  [200, 'hello', '/x.html'],
  [200, 'hello', '/x'],
  [200, '', '/x.txt'],
  [204, 'gone', '/x.txt'],
  [404, 'not here', '/x.html'],
  [500, 'oops', '/x'],
  [201, 'made', '/x'],
  [299, 'odd', '/x'],
];
const TYPES = { html: 'text/html', txt: 'text/plain' };

describe.skipIf(nginxVersion === '')('answers made here are those of nginx', () => {
  let nginx: NginxReference;
  const fail = createFail({ serverName: nginxVersion, errorDetail: false, report: null, rules: null });
  const options = {
    serverName: nginxVersion,
    absoluteRedirect: true,
    portInRedirect: true,
    serverNameInRedirect: false,
    rules: null,
  };
  const sendRedirect = createSendRedirect(options);
  const typeOf = createTypeOf(Object.entries(TYPES), 'application/x-default');

  beforeAll(async () => {
    const locations = [
      ...[...PAGES, ...EMPTY].map((status) => `location = /page/${status} { return ${status}; }`),
      ...REDIRECTS.map(([status, to], i) => `location = /redirect/${i} { return ${status} "${to}"; }`),
      ...TEXTS.map(([status, text, uri], i) => `location = /text${i}${uri} { return ${status} "${text}"; }`),
    ];
    nginx = await startNginx(
      locations.join('\n'),
      'types { text/html html; text/plain txt; } default_type application/x-default;',
    );
  });
  afterAll(() => nginx?.stop());

  async function compare(
    method: string,
    uri: string,
    answerWith: (exchange: ReturnType<typeof fakeExchange>) => void,
  ) {
    const head = `${method} ${uri} HTTP/1.1\r\nHost: example.org\r\n\r\n`;
    const expected = await ask(nginx.port, head);
    const client = new FakeClient({ localPort: nginx.port });
    const exchange = fakeExchange(client, head);
    // What an earlier try left must not show.
    exchange.lines = 'X-Left: over\r\n';
    exchange.reason = 'Left Over';
    exchange.ownServer = true;
    answerWith(exchange);
    const answer = await client.answer;
    const connection = ['Connection', answer.closeAfter ? 'close' : 'keep-alive'] as const;
    expect(comparable({ ...answer, fields: [...answer.fields, connection] })).toEqual(comparable(expected));
    expect([exchange.reason, exchange.ownServer, exchange.source]).toEqual(['', false, null]);
  }

  // After these the connection is closed here, which nginx does on other ways than `return`.
  const kept = (status: number): boolean => ![408, 494, 505].includes(status);
  it.each([...PAGES, ...EMPTY].filter(kept))('page %i', async (status) => {
    await compare('GET', `/page/${status}`, (exchange) => fail(exchange, status, 'hidden'));
    await compare('HEAD', `/page/${status}`, (exchange) => fail(exchange, status, 'hidden'));
  });

  it.each(REDIRECTS.map((r, i) => [...r, i] as const))('redirect %i %s', async (status, to, i) => {
    await compare('GET', `/redirect/${i}`, (exchange) => sendRedirect(exchange, status, to));
    await compare('HEAD', `/redirect/${i}`, (exchange) => sendRedirect(exchange, status, to));
  });

  it.each(TEXTS.map((t, i) => [...t, i] as const))('text %i %j at %s', async (status, text, uri, i) => {
    await compare('GET', `/text${i}${uri}`, (exchange) =>
      sendText(exchange, status, text, typeOf(exchange.uri)),
    );
    await compare('HEAD', `/text${i}${uri}`, (exchange) =>
      sendText(exchange, status, text, typeOf(exchange.uri)),
    );
  });
});

function comparable(answer: {
  status: number;
  fields: readonly (readonly [string, string])[];
  body: Buffer;
}): unknown {
  const fields = answer.fields.filter(([name]) => name !== 'Server' && name !== 'Date');
  return {
    status: answer.status,
    fields: fields.map((f) => f.join(': ')).sort(),
    body: answer.body.toString('latin1'),
  };
}

describe('error pages', () => {
  const run = async (status: number, detail: string, errorDetail: boolean, lines = '') => {
    const client = new FakeClient();
    createFail({ serverName: 'lbproxy', errorDetail, report: null, rules: null })(
      fakeExchange(client, 'GET / HTTP/1.1\r\nHost: h\r\n\r\n'),
      status,
      detail,
      lines,
    );
    return await client.answer;
  };

  it('show the detail only with error_detail, as text', async () => {
    const detail = 'peer <b>127.0.0.1:1</b> & "x": nothing listens\r\n\xfc \u20ac';
    expect((await run(502, detail, false)).body.toString()).toBe(errorPage(502, 'lbproxy', ''));
    const body = (await run(502, detail, true)).body.toString('latin1');
    expect(body).toContain('peer &lt;b&gt;127.0.0.1:1&lt;/b&gt; &amp; &quot;x&quot;: nothing listens</p>');
    // What stands in further lines is shown as it is.
    expect(body).toContain('<pre>&#252; &#8364;</pre>');
    expect(escapeHtml("it's \u{1f600}")).toBe('it&#39;s &#128512;');
  });

  it('carry the lines that belong to the error', async () => {
    const answer = await run(401, '', false, 'WWW-Authenticate: Basic realm="x"\r\n');
    expect(answer.fields).toContainEqual(['WWW-Authenticate', 'Basic realm="x"']);
  });

  it.each([408, 431, 494, 505])('end the connection after %i', async (status) => {
    expect((await run(status, '', false)).closeAfter).toBe(true);
  });
});

describe('redirects', () => {
  const options = {
    serverName: 'x',
    absoluteRedirect: true,
    portInRedirect: true,
    serverNameInRedirect: false,
    rules: null,
  };
  const value = (
    target: string,
    head: string,
    client: ConstructorParameters<typeof FakeClient>[0],
    more = {},
  ): string =>
    locationValue(fakeExchange(new FakeClient(client), head, {}, 'www.example.org'), target, {
      ...options,
      ...more,
    });
  const HOST = 'GET / HTTP/1.1\r\nHost: h:1234\r\n\r\n';
  const NO_HOST = 'GET / HTTP/1.0\r\n\r\n';

  it.each([
    ['https on its port', HOST, { secure: true, localPort: 443 }, {}, 'https://h/x'],
    ['https elsewhere', HOST, { secure: true, localPort: 80 }, {}, 'https://h:80/x'],
    ['http on 443', HOST, { localPort: 443 }, {}, 'http://h:443/x'],
    ['server name', HOST, {}, { serverNameInRedirect: true }, 'http://www.example.org/x'],
    ['no host', NO_HOST, { localAddress: '10.0.0.1' }, {}, 'http://10.0.0.1/x'],
    ['no host, IPv6', NO_HOST, { localAddress: 'fe80::1', localPort: 8080 }, {}, 'http://[fe80::1]:8080/x'],
    ['no host, mapped', NO_HOST, { localAddress: '::ffff:10.0.0.1' }, {}, 'http://10.0.0.1/x'],
    ['relative', HOST, {}, { absoluteRedirect: false }, '/x'],
  ])('%s', (_, head, client, more, expected) => {
    expect(value('/x', head, client, more)).toBe(expected);
  });

  it('never let a value end the field', () => {
    expect(value('/a\r\nSet-Cookie: x\0\x7f\t', HOST, {})).toBe('http://h/a%0D%0ASet-Cookie: x%00%7F%09');
    expect(value('http://a/\n', HOST, {})).toBe('http://a/%0A');
  });
});
