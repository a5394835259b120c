// add_trailer beside nginx: when an answer becomes chunked for it, and what stands behind the last chunk.
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFiles, TYPES_BLOCK } from '../serve/site.ts';
import { nginxVersion } from '../support/nginx.ts';
import type { TestPeer } from '../support/upstream.ts';
import { answerWith, startEchoPeer } from './echo-peer.ts';
import { type Pair, request, startPair } from './pair.ts';

function configuration(root: string, peer: string): string {
  return `${TYPES_BLOCK} default_type text/plain; root ${root}; add_trailer X-Http http;
    server { listen {port}; set $empty "";
      location /own/ { alias ${root}/; add_trailer X-One "1 $uri"; add_trailer X-Two 2; add_trailer X-None $empty; add_header X-H h; }
      location /always/ { alias ${root}/; add_trailer X-One 1; add_trailer X-Always a always; }
      location /gone/ { alias ${root}/; add_trailer X-None ""; }
      location /whole/ { alias ${root}/; chunked_transfer_encoding off; }
      location /if/ { alias ${root}/; if ($arg_a) { add_trailer X-If $arg_a; } }
      location /proxy/ { proxy_pass http://${peer}/; add_trailer X-Status "$upstream_status $status"; add_trailer Server-Timing "t" always; }
      location = /r/200 { return 200 "text"; } location = /r/204 { return 204; } location = /r/302 { return 302 /x; } location = /r/404 { return 404; }
      location = /r/empty { return 200 ""; }
    } server { listen {port}; server_name none.test; add_trailer X-None ""; root ${root}; }`;
}

const peerSays = (head: string, body = 'hello'): readonly string[] => [
  answerWith(`${head.replaceAll('|', '\r\n')}\r\n\r\n${body}`),
];

type Case = readonly [method: string, target: string, lines?: readonly string[]];

const CASES: readonly Case[] = [
  ...['', '/own', '/always', '/gone', '/whole', '/if'].flatMap((place): Case[] => [
    ['GET', `${place}/small.txt`],
    ['HEAD', `${place}/small.txt`],
    ['GET', `${place}/small.txt?a=1`],
    ['GET', `${place}/empty.txt`],
    ['GET', `${place}/nothing`],
    ['GET', `${place}/pics`],
    ['GET', `${place}/small.txt`, ['Range: bytes=1-2']],
    ['GET', `${place}/small.txt`, ['If-None-Match: "6553f100-24"']],
    ['GET', `${place}/small.txt`, ['If-Match: "x"']],
  ]),
  ...['200', '204', '302', '404', 'empty'].flatMap((name): Case[] => [
    ['GET', `/r/${name}`],
    ['HEAD', `/r/${name}`],
  ]),
  ['GET', '/small.txt', ['Host: none.test']],
  ['GET', '/proxy/x', peerSays('HTTP/1.1 200 OK|Content-Length: 5')],
  ['GET', '/proxy/x', peerSays('HTTP/1.1 404 No|Content-Length: 5')],
  ['GET', '/proxy/x', peerSays('HTTP/1.1 200 OK|Transfer-Encoding: chunked', '5\r\nhello\r\n0\r\n\r\n')],
  ['GET', '/proxy/x', peerSays('HTTP/1.1 200 OK|Connection: close')],
  ['GET', '/proxy/x', peerSays('HTTP/1.1 304 Not Modified', '')],
  ['HEAD', '/proxy/x', peerSays('HTTP/1.1 200 OK|Content-Length: 5', '')],
];

/** Everything until the connection ends. */
function whole(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(bytes, 'latin1'));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.latin1Slice();
    });
    socket.setTimeout(5000, () => socket.destroy(new Error(`no end of ${text}`)));
    socket.on('error', reject);
    socket.on('end', () => resolve(text));
  });
}

/** Without what differs between any two servers; fields of the head in alphabetical order. */
function plain(text: string): string {
  const end = text.indexOf('\r\n\r\n');
  const [status, ...fields] = text.slice(0, end).split('\r\n');
  const kept = fields.filter((line) => !/^(?:Server|Date):/.test(line)).sort();
  const page = text.includes('</html>') || /^HTTP\S+ (?:4|3)/.test(status);
  const lines = page ? kept.map((line) => line.replace(/^(Content-Length): .*/, '$1')) : kept;
  // A page is signed, which its chunks show: nginx sends it in one, as lbproxy does.
  const body = text
    .slice(end + 4)
    .replace(/<center>(?:nginx|lbproxy)\/[\d.]+(?:-\w+)?<\/center>/, '')
    .replace(page ? /^[0-9a-f]+\r\n/ : /^$/, '');
  return [status, ...lines, '', body.replace(/http:\/\/\S+:\d+/, '')].join('\n');
}

describe.skipIf(nginxVersion === '')('add_trailer as nginx', () => {
  const files = makeFiles();
  let peer: TestPeer;
  let pair: Pair;
  beforeAll(async () => {
    peer = await startEchoPeer();
    pair = await startPair(configuration(files.root, peer.address));
  });
  afterAll(async () => {
    await pair?.close();
    await peer?.close();
    files.remove();
  });

  const ask = async (bytes: string): Promise<void> => {
    const [theirs, ours] = await Promise.all(
      [pair.nginx, pair.lbproxy].map((side) =>
        whole(side.port, bytes).then((text) => plain(text.replaceAll(`:${side.port}`, ''))),
      ),
    );
    expect(ours).toBe(theirs);
  };

  it.each(CASES.map((c): [string, Case] => [c.flat().join(' '), c]))(
    '%s',
    async (_name, [method, target, lines = []]) => {
      const host = lines.find((line) => line.startsWith('Host: '))?.slice(6) ?? 'ref.example';
      const others = lines.filter((line) => !line.startsWith('Host: '));
      await ask(request(method, target, others).replace('ref.example', host));
    },
  );

  it('a 416 has its length, where nginx chunks it without a trailer', async () => {
    const bytes = request('GET', '/small.txt', ['Range: bytes=99-']);
    expect(await whole(pair.nginx.port, bytes)).toMatch(/\r\nTransfer-Encoding: chunked.*\r\n0\r\n\r\n$/s);
    expect(await whole(pair.lbproxy.port, bytes)).toMatch(/\r\nContent-Length: \d+\r\n/);
  });

  it.each(['/small.txt', '/own/small.txt', '/r/404', '/proxy/x'])('HTTP/1.0 %s', async (target) => {
    const lines = target === '/proxy/x' ? `\r\n${peerSays('HTTP/1.1 200 OK|Content-Length: 5')[0]}` : '';
    await ask(`GET ${target} HTTP/1.0${lines}\r\n\r\n`);
  });
});
