// An address with variables that gives none: the request is not passed on, and it is nobody's bad answer.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import { askBoth, type Pair, request, startPair } from './pair.ts';

const HTTP = [
  '',
  'http://',
  'http://:80',
  'http:///x',
  'http://?x',
  'https://',
  'ftp://127.0.0.1:1',
  '127.0.0.1:1',
  'http://127.0.0.1:0',
  'http://127.0.0.1:70000',
  'http://127.0.0.1:x',
  'http://127.0.0.1:/',
  'http://[::1',
  'http://[::1]x',
  'http://unix:',
  'http://127.0.0.1:1',
  'http://nowhere.invalid',
  'http://a%20b:1',
  'http://group',
];
const APP = [
  '',
  ':1',
  '127.0.0.1',
  '127.0.0.1:0',
  '127.0.0.1:70000',
  '127.0.0.1:x',
  '[::1',
  '[::1]',
  'unix:',
  '127.0.0.1:1',
  'nowhere.invalid',
  'nowhere.invalid:1',
  'group',
];

describe.skipIf(nginxVersion === '')('a target that variables make', () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair(`upstream group { server 127.0.0.1:1; }
      server { listen {port};
        location /proxy { proxy_pass $arg_to; }
        location /fastcgi { fastcgi_pass $arg_to; }
        location /uwsgi { uwsgi_pass $arg_to; }
        location /scgi { scgi_pass $arg_to; }
        location /page { error_page 500 =418 /own; proxy_pass $arg_to; }
        location /own { return 200 own; }
      }`);
  });
  afterAll(() => pair?.close());

  const cases = [
    ...[...HTTP].flatMap((to) => [`/proxy?to=${to}`, `/page?to=${to}`]),
    ...['fastcgi', 'uwsgi', 'scgi'].flatMap((family) => APP.map((to) => `/${family}?to=${to}`)),
  ];
  it('has the status of nginx', async () => {
    const answers = await Promise.all(
      cases.map(async (path) => {
        const { nginx, lbproxy } = await askBoth(pair, request('GET', path));
        return [`${path} ${nginx.status}`, `${path} ${lbproxy.status}`];
      }),
    );
    expect(answers.map(([, ours]) => ours)).toEqual(answers.map(([theirs]) => theirs));
  });
});
