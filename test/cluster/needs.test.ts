// What a Model asks of the primary: every host name that a proxy_pass names is followed, wherever the line stands.
import { expect, it } from 'vitest';
import { followedHosts } from '../../src/cluster/needs.ts';
import { readModel } from '../support/proxy.ts';

it.each([
  ['location / { proxy_pass http://a.test; }', ['a.test']],
  [
    'location / { if ($arg_x) { proxy_pass http://b.test:81; } proxy_pass http://a.test; }',
    ['a.test', 'b.test'],
  ],
  [
    'location / { location /x { if ($arg_x) { set $y 1; } if ($arg_z) { proxy_pass http://c.test; } } }',
    ['c.test'],
  ],
  ['location / { proxy_pass http://GROUP; }', ['peer.test']],
  // Looked up when a request comes.
  ['location ~ /(.*) { proxy_pass http://a.test/$1; }', []],
  ['location / { proxy_pass http://127.0.0.1:1; } location /u { proxy_pass http://unix:/p; }', []],
])('%s', (text, hosts) => {
  const { model, remove } = readModel(
    `http { ${text.includes('GROUP') ? 'upstream group { server peer.test; }' : ''} server { listen 127.0.0.1:0; ${text} } }`,
  );
  remove();
  expect(
    followedHosts(model)
      .map(({ name }) => name)
      .sort(),
  ).toEqual(hosts);
});
