// A small configuration that primary and acceptor speak of.

import type { SharedState, ToAcceptor } from '../../src/cluster/messages.ts';
import type { Model } from '../../src/config/model.ts';
import { packModel } from '../../src/config/model-wire.ts';
import { readModel } from '../support/proxy.ts';
import { GENERATION } from './ipc-case.ts';

type Piece = Extract<ToAcceptor, { type: 'piece' }>;
type Prepare = Extract<ToAcceptor, { type: 'prepare' }>;

/** Nobody listens on a port: spoilt, it might be any. */
const TEXT = `http { upstream u { least_conn; server 127.0.0.1:1; server 127.0.0.1:2 max_conns=3; }
  server { listen unix:./none.sock; location / { proxy_pass http://u; } location /a { return 200 a; } } }`;

export function ipcModel(): { model: Model; state: SharedState; piece: Piece; prepare: Prepare } {
  const { model, remove } = readModel(TEXT);
  remove();
  const peers = [{ key: 'x', active: 0 }] as never;
  return {
    model,
    state: { groups: [{ id: 'u', peers }], zones: [], log: { segment: 0, offset: 0 } },
    piece: { type: 'piece', generation: GENERATION, text: packModel({ ...model, servers: [] }).join('') },
    prepare: {
      type: 'prepare',
      generation: GENERATION,
      discovery: { hosts: {}, programs: {} },
      tls: { selfSigned: null, files: {} },
      ticketKeys: [Buffer.alloc(48).toString('base64')],
      shared: true,
      counting: false,
    },
  };
}
