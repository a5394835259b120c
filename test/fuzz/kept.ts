// What failed once, and must not again: inputs as they were, by target. A run prints them in this form behind "input:".
import type { ClientCase } from './client.ts';
import type { ConfigCase } from './config.ts';
import type { IpcCase } from './ipc-case.ts';
import type { PeerCase } from './peer-case.ts';

/** `[what had happened, the input]` */
type Kept<Case> = readonly (readonly [string, Case])[];

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
  ],
  client: [],
  peer: [],
  embed: [],
  ipc: [],
};
