// Bytes of clients: the real program with two acceptors, spoilt requests on every door, and between them innocent ones.
import { setImmediate as turn } from 'node:timers/promises';
import { Lateness } from './busy.ts';
import { HELLO_WORDS, HELLOS, REQUEST_WORDS, REQUESTS } from './client-corpus.ts';
import { EchoPeer } from './echo-peer.ts';
import { type Material, mutate } from './mutate.ts';
import { Program } from './program.ts';
import type { Random } from './random.ts';
import { readAnswers } from './read-answers.ts';
import { fail, type Target } from './target.ts';
import { foreignToken, noteToken, tokenOf } from './tokens.ts';
import { type Ask, type Door, Innocent, Wire, warmUp } from './wire.ts';

export interface ClientCase {
  readonly door: 'plain' | 'tls' | 'inside tls';
  readonly token: string;
  /** latin1 */
  readonly bytes: string;
  /** Where the bytes are cut into writes. */
  readonly cuts: readonly number[];
  /** What the client does then: says that it has finished, at once or when it has read something; resets; or reads and leaves. */
  readonly end: 'fin' | 'read fin' | 'rst' | 'read';
}

const LANES = 12;
/** A client that says no more gets its answer, or the end of its connection. */
const END_MS = 3000;
/** How long a client reads before it leaves. */
const READ_MS = 30;

const FILE = 'A small file of the site.\n';

const config = (peers: readonly EchoPeer[]): string => `worker_processes 2;
error_log DIR/error.log crit;
http {
  log_format all '$remote_addr $request $status $http_cookie $arg_a $upstream_addr $request_time $http_x_a';
  access_log /dev/null all;
  client_header_timeout 1s; client_body_timeout 1s; send_timeout 1s; keepalive_timeout 600s; proxy_read_timeout 1s;
  client_max_body_size 64k; proxy_http_version 1.1;
  upstream echo { ${peers.map((peer) => `server ${peer.address} max_fails=0;`).join(' ')} keepalive 8; }
  server {
    listen 127.0.0.1:PORT1; listen 127.0.0.2:PORT1; listen 127.0.0.1:PORT2 ssl; listen 127.0.0.2:PORT2 ssl;
    ssl_certificate self-signed; server_name a.example;
    location / { proxy_pass http://echo; }
    location /static/ { root DIR; expires max; }
    location = /moved { return 301 /elsewhere?$args; }
    location = /made { return 200 "made for $host"; }
    location /rw/ { rewrite ^/rw/(.*)$ /rewritten/$1 last; }
    location ~ ^/re/(\\d+)/(?<rest>.*)$ { proxy_pass http://echo; proxy_set_header X-Re "$1-$rest"; }
    location /if/ { if ($arg_x) { return 403; } proxy_pass http://echo; }
    location /old { if ($http_referer ~ ^http://(.*)/) { set $from $1; } return 302 https://$host/new?$from; }
    location /ws/ { proxy_pass http://echo; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }
  }
  server { listen 127.0.0.1:PORT1; listen 127.0.0.2:PORT1; server_name b.example ~^c(.+)$; redirect https; }
}
`;

export async function openClient(): Promise<Target<ClientCase>> {
  const peers = [await EchoPeer.start('127.0.0.1'), await EchoPeer.start('127.0.0.3')];
  const program = await Program.start(config(peers), { 'static/a.txt': FILE });
  const doors = (index: number, port: number): Door => ({ host: `127.0.0.${1 + (index % 2)}`, port });
  const [plain, secure] = program.ports;
  const lateness = new Lateness();
  const innocents = Array.from({ length: LANES }, (_, lane) => new Innocent(doors(lane, plain), lateness));
  await warmUp(innocents, INNOCENT);
  let count = 0;
  return {
    lanes: LANES,
    make,
    async run(input, lane) {
      const isTls = input.door !== 'plain';
      const door = { ...doors(count++, isTls ? secure : plain), tls: input.door === 'inside tls' };
      await attack(input, door, END_MS + lateness.slackMs, async () => {
        // Beside every fourth case, each kind in its turn.
        if (count % 4 === 0) await innocents[lane].ask(INNOCENT[(count >> 2) % INNOCENT.length]);
      });
    },
    check() {
      for (const { wrong } of peers) {
        const [text] = wrong.splice(0);
        if (text !== undefined) fail(`a peer got what is no request: ${JSON.stringify(text)}`);
      }
      program.check();
    },
    processes: () => program.processes,
    async close() {
      lateness.close();
      for (const innocent of innocents) innocent.close();
      await program.stop();
      for (const peer of peers) peer.close();
    },
  };
}

const innocent = (path: string, body: string): Ask => ({
  request: `GET ${path} HTTP/1.1\r\nHost: a.example\r\n\r\n`,
  isRight: (answer) => answer.status === 200 && answer.body === body,
});
const INNOCENT: readonly Ask[] = [
  innocent('/static/a.txt', FILE),
  innocent('/innocent', 'echo GET /innocent HTTP/1.1'),
  innocent('/made', 'made for a.example'),
  innocent('/rw/x', 'echo GET /rewritten/x HTTP/1.1'),
];

const MATERIAL: Material = { words: REQUEST_WORDS, texts: REQUESTS, most: 40_000 };
const TLS_MATERIAL: Material = { words: HELLO_WORDS, texts: HELLOS, most: 20_000 };

function make(random: Random): ClientCase {
  const token = tokenOf(random);
  const isHello = random.chance(8);
  const isInside = !isHello && random.chance(1.5);
  const whole = random.pick(isHello ? HELLOS : REQUESTS);
  const spoilt = random.chance(97) ? mutate(whole, random, isHello ? TLS_MATERIAL : MATERIAL) : whole;
  const bytes = spoilt.replaceAll('TOKEN', token);
  const cuts = random.chance(25)
    ? Array.from({ length: random.length(4) }, () => random.below(bytes.length + 1))
    : [];
  return {
    door: isHello ? 'tls' : isInside ? 'inside tls' : 'plain',
    token,
    bytes,
    cuts: cuts.sort((a, b) => a - b),
    end: random.pick(['fin', 'read fin', 'rst', 'read', 'read']),
  };
}

async function attack(
  { bytes, cuts, end, token, door }: ClientCase,
  where: Door,
  endMs: number,
  ask: () => Promise<void>,
): Promise<void> {
  noteToken(token);
  const wire = new Wire(where);
  try {
    let from = 0;
    for (const cut of cuts) {
      if (cut > from) wire.write(bytes.slice(from, cut));
      from = cut;
      await turn();
    }
    wire.write(bytes.slice(from));
    // A client that has gone leaves work behind that must disturb nobody.
    if (end === 'rst' && cuts.length === 0) {
      await wire.sent();
      wire.reset();
    }
    await ask();
    if (end === 'read' || end === 'read fin') await wire.until((text) => text.length > 0, READ_MS);
    if (end === 'fin' || end === 'read fin') {
      wire.end();
      const isOver = await wire.until(() => false, endMs);
      if (!isOver)
        fail(
          `the connection is open ${Math.round(endMs)} ms after the client's end; it got ${JSON.stringify(wire.text.slice(0, 300))}`,
        );
    }
    if (door !== 'tls') checkText(wire.text, bytes, token);
  } finally {
    wire.reset();
  }
}

function checkText(text: string, bytes: string, token: string): void {
  if (text === '') return;
  readAnswers(text, /HEAD/.test(bytes));
  const foreign = foreignToken(text, token);
  if (foreign !== undefined)
    fail(`got the bytes of another exchange, ${foreign}: ${JSON.stringify(text.slice(0, 1000))}`);
}
