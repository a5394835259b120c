// Arguments of the directives that have many forms.
import { type Cx, lateVariable, pathOf, some, textOf, urlOf } from './values.ts';

export const onOff = ({ random }: Cx): string => random.pick(['on', 'off']);
export const statusOf = ({ random }: Cx): number =>
  random.pick([400, 401, 403, 404, 405, 413, 416, 500, 502, 503, 504]);
export const of =
  (...words: string[]) =>
  ({ random }: Cx): string =>
    random.pick(words);

export function errorPage(cx: Cx): string {
  const { random } = cx;
  const codes = [...new Set([statusOf(cx), ...some(random, 2, () => statusOf(cx))])].join(' ');
  const response = random.pick(['', '', '', '=', '=200 ', '=404 ', '=503 ', '=201 ']);
  const target = random.pick([
    '/errors/404.html',
    '/errors/$status.html',
    '/errors/nothing.html',
    '@named',
    '@other',
    pathOf(cx),
    urlOf(cx),
    'http://other.test/error',
    '/a/small.txt?error=1',
  ]);
  return `${codes} ${response === '=' ? '= ' : response}${target}`;
}

export function addHeader(cx: Cx): string {
  const { random } = cx;
  const name = random.pick([
    'X-A',
    'X-B',
    'X-C',
    'Cache-Control',
    'Link',
    'ETag',
    'Last-Modified',
    'Vary',
    'Set-Cookie',
  ]);
  const value =
    name === 'Last-Modified'
      ? random.pick(['""', '"Wed, 15 Nov 2023 22:13:20 GMT"'])
      : name === 'ETag'
        ? random.pick(['""', `'"added"'`])
        : random.chance(15)
          ? lateVariable(cx)
          : textOf(cx, true);
  return `${name} ${value}${random.chance(35) ? ' always' : ''}`;
}

export function proxySetHeader(cx: Cx): string {
  const { random } = cx;
  const name = random.pick([
    'Host',
    'X-Forwarded-For',
    'X-Test',
    'X-Set',
    'Accept-Encoding',
    'Range',
    'Authorization',
    'X-Kind',
    'Cookie',
    'If-None-Match',
  ]);
  // Without Host HTTP/1.1 is none: it stays here.
  if (name === 'Host') return `Host ${random.pick(['$host', '$http_host', '$proxy_host', '"x.$arg_a"'])}`;
  return `${name} ${random.pick([textOf(cx), '""', '$host', '$proxy_add_x_forwarded_for', '$proxy_host', '$http_x_test'])}`;
}
