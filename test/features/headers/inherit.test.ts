// What a level has of the fields around it: all or nothing, none, or both. The rules are those of nginx 1.29.3, which Debian's does not know.
import { describe, expect, it } from 'vitest';
import type { HeaderEntry } from '../../../src/features/headers/rows.ts';
import { AnswerHead } from '../../../src/http/answer-head.ts';
import { readModel, startProxy } from '../../support/proxy.ts';
import { exchangeOnce } from '../../support/wire.ts';

const names = (entries: readonly HeaderEntry[]): string => entries.map(({ name }) => name).join(' ');

/** The fields of an outer and an inner location. */
function levels(http: string, server: string, location: string, inner: string): readonly string[] {
  const { model, remove } = readModel(
    `http { ${http} server { listen 127.0.0.1:1; ${server} location /a { ${location} location /a/b { ${inner} } } } }`,
  );
  remove();
  const [{ locations }] = model.servers;
  return [locations[0], locations[0].locations[0]].map(({ settings }) => names(settings.addHeaders));
}

describe('add_header_inherit', () => {
  it.each([
    ['on', 'add_header A 1;', '', '', ['A', 'A']],
    ['on', 'add_header A 1;', 'add_header B 1;', '', ['B', 'B']],
    ['on', 'add_header A 1;', 'add_header B 1;', 'add_header C 1; add_header D 1;', ['B', 'C D']],
    ['merge', 'add_header A 1;', '', 'add_header C 1;', ['A', 'C A']],
    ['merge', 'add_header A 1;', 'add_header B 1;', 'add_header C 1;', ['B A', 'C B A']],
    ['off', 'add_header A 1;', '', '', ['', '']],
    ['off', 'add_header A 1;', 'add_header B 1;', '', ['B', '']],
  ])('%s: %s | %s | %s', (inherit, server, location, inner, expected) => {
    expect(levels(`add_header_inherit ${inherit};`, server, location, inner)).toEqual(expected);
  });

  it('begins where it stands', () => {
    expect(
      levels('add_header H 1;', 'add_header_inherit off;', '', 'add_header_inherit merge; add_header C 1;'),
    ).toEqual(['', 'C']);
    expect(
      levels(
        'add_header H 1;',
        '',
        'add_header_inherit merge; add_header L 1;',
        'add_header_inherit on; add_header I 1;',
      ),
    ).toEqual(['L H', 'I']);
  });

  it('holds for an if, and add_trailer_inherit for trailers', async () => {
    const proxy =
      await startProxy(`http { add_header_inherit merge; add_trailer_inherit merge; add_header A 1; add_trailer TA 1;
      server { listen 127.0.0.1:0; location / { add_header B 2; add_trailer TB 2; if ($arg_x) { add_header C 3; add_trailer TC 3; } return 200 x; } } }`);
    const { fields } = await exchangeOnce(
      proxy.port,
      'GET /?x=1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n',
    );
    await proxy.close();
    expect(fields.map(([name]) => name).filter((name) => name.length === 1)).toEqual(['C', 'B', 'A']);
  });
});

describe('add_header', () => {
  it('never lets a variable end a line', async () => {
    const proxy = await startProxy(
      'http { server { listen 127.0.0.1:0; add_header X-Uri $uri; add_header ETag $uri; add_trailer T $uri; return 200 x; } }',
    );
    const { fields } = await exchangeOnce(
      proxy.port,
      'GET /a%0d%0aSet-Cookie:%20x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n',
    );
    await proxy.close();
    expect(fields.find(([name]) => name === 'X-Uri')?.[1]).toBe('/a  Set-Cookie: x');
    expect(fields.some(([name]) => name === 'Set-Cookie')).toBe(false);
  });

  it('frames nothing', async () => {
    const proxy = await startProxy(
      'http { server { listen 127.0.0.1:0; add_header Content-Length 99; add_header Transfer-Encoding chunked; location = /none { return 204; } return 200 x; } }',
    );
    const of = async (target: string): Promise<string[]> => {
      const { fields } = await exchangeOnce(
        proxy.port,
        `GET ${target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`,
      );
      return fields.filter(([name]) => /length|encoding/i.test(name)).map((field) => field.join(': '));
    };
    const some = await of('/');
    await proxy.close();
    expect(some).toEqual(['Content-Length: 1']);
  });

  it.each([
    ['add_header X-A: b', '"X-A:" is no field name; write it without the colon: X-A'],
    ['add_header "X A" b', '"X A" is no field name'],
    ['add_header X-A b Always', '"Always" is unknown; only "always" may stand here'],
  ])('%s is refused', (text, message) => {
    expect(() => readModel(`http { server { listen 127.0.0.1:1; ${text}; } }`)).toThrow(message);
  });

  it('in JSON is a list of lists', () => {
    const { model, remove } = readModel(
      '{ "add_header": [["X-A", "b"], ["X-C", "d", "always"]], "servers": [{ "listen": "127.0.0.1:1" }] }',
    );
    remove();
    expect(model.servers[0].settings.addHeaders).toEqual([
      { name: 'X-A', value: 'b', always: false },
      { name: 'X-C', value: 'd', always: true },
    ]);
  });
});

it('a head takes lines that are made already', () => {
  const head = new AnswerHead(200, 'A: 1\r\n', -1, null);
  head.addLine('b', 'B: 2');
  expect(head.lines).toBe('A: 1\r\nB: 2\r\n');
  expect(head.get('b')).toBe('2');
});
