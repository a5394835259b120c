// What failed once, and must not again: inputs as they were, by target. A run prints them in this form behind "input:".
import type { ClientCase } from './client.ts';
import type { ConfigCase } from './config.ts';
import { GENERATION, type IpcCase } from './ipc-case.ts';
import type { PeerCase } from './peer-case.ts';

/** `[what had happened, the input]` */
type Kept<Case> = readonly (readonly [string, Case])[];

const HANDSHAKE =
  'GET /one/tok-0000000000000- HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

const toPrimary = (during: IpcCase['during'], ...messages: readonly unknown[]): IpcCase => ({
  to: 'primary',
  during,
  messages,
});

export const KEPT: {
  readonly config: Kept<ConfigCase>;
  readonly client: Kept<ClientCase>;
  readonly peer: Kept<PeerCase>;
  readonly embed: Kept<PeerCase>;
  readonly ipc: Kept<IpcCase>;
} = {
  config: [
    [
      'a host called as a property of every object: TypeError',
      {
        name: 'nginx.conf',
        text: 'http { server { listen 8080; location / { proxy_pass http://constructor; } } }',
        deep: true,
      },
    ],
    [
      'the same in JSON',
      {
        name: 'upstreams.json',
        text: '{ "servers": [{ "listen": 8080, "locations": { "/": { "proxy_pass": "http://__proto__" } } }] }',
        deep: true,
      },
    ],
    [
      'a program called so, with a group: TypeError',
      {
        name: 'nginx.conf',
        text: `program toString { command "sleep 9"; first_port 9001; }
          http { upstream u { program toString; } server { listen 8080; location / { proxy_pass http://u; } } }`,
        deep: true,
      },
    ],
    [
      'a log in a directory whose name no file system takes: ENAMETOOLONG thrown',
      {
        name: 'nginx.conf',
        text: `error_log ${'x'.repeat(300)}/error.log; http { server { listen 8080; } }`,
        deep: false,
      },
    ],
    [
      'thousands of lines that only close: a check of its own was quadratic',
      {
        name: 'nginx.conf',
        text: `http { upstream u { server 127.0.0.1:8080; }\n${'    }\n'.repeat(40_000)}`,
        deep: false,
      },
    ],
  ],
  client: [],
  peer: [],
  embed: [204, 304].map((status) => [
    `a handshake answered with ${status}: a Transfer-Encoding and an empty chunk where there is no body`,
    {
      token: 'tok-0000000000000-',
      road: 'one',
      request: HANDSHAKE,
      answers: [
        { bytes: `HTTP/1.1 ${status} X\r\nX: y\r\n\r\n`, cuts: [], early: false, end: 'fin', isGood: false },
      ],
      body: null,
    },
  ]),
  ipc: [
    ['no message at all: TypeError', toPrimary('reopen', null, '')],
    [
      'a problem without words, for one who waits',
      toPrimary('prepare', { type: 'prepared', generation: GENERATION, problem: { type: 'ready' } }),
    ],
    [
      'a place that is a list',
      toPrimary('prepare', {
        type: 'prepared',
        generation: GENERATION,
        problem: { at: ['nginx.conf:1:2', 'nginx.conf:1:2'], message: 'words' },
      }),
    ],
    [
      'a problem that is a list',
      toPrimary('commit', { type: 'committed', generation: GENERATION, problem: ['words', 'words'] }),
    ],
  ],
};
