// proxy_buffering and its kin beside nginx: what slow clients and fast ones get, and how soon the peer is rid of its answer.
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxVersion } from '../support/nginx.ts';
import { startRawUpstream, type TestPeer } from '../support/upstream.ts';
import { readAnswer } from '../support/wire.ts';
import { comparable, type Pair, type Side, startPair } from './pair.ts';

/** A busy machine, or its disk, may stand still for longer than a second. */
const PATIENCE_MS = 20_000;

/** More than the kernel keeps between two sockets of this machine. */
const LARGE = 20 * 1024 * 1024;
const block = Buffer.from(Array.from({ length: 65_536 }, (_, i) => 97 + (i % 26)));

type Framing = 'length' | 'chunked' | 'close' | 'cut' | 'cut-chunks';

/** What is known of an answer: how much of it the kernel took. */
interface Progress {
  readonly bytes: () => number;
  isWhole: boolean;
}

/** `/place/side/framing/bytes/accel`: `taken` tells by the path. */
async function startPeer(taken: Map<string, Progress>): Promise<TestPeer> {
  return startRawUpstream((socket) => {
    socket.once('data', (chunk) => {
      const [method, path] = chunk.toString('latin1').split(' ', 2);
      const [, , , framing, size, accel] = path.split('/') as [
        string,
        string,
        string,
        Framing,
        string,
        string,
      ];
      const progress: Progress = { bytes: () => socket.bytesWritten - socket.writableLength, isWhole: false };
      taken.set(path, progress);
      const bytes = Number(size);
      const isCut = framing.startsWith('cut');
      const isChunked = framing === 'chunked' || framing === 'cut-chunks';
      const length = framing === 'length' || framing === 'cut' ? bytes + (isCut ? 1 : 0) : -1;
      const framed = isChunked
        ? 'Transfer-Encoding: chunked\r\n'
        : length < 0
          ? ''
          : `Content-Length: ${length}\r\n`;
      const said = accel === '' ? '' : `X-Accel-Buffering: ${accel}\r\n`;
      socket.write(`HTTP/1.1 200 OK\r\n${framed}${said}Connection: close\r\n\r\n`);
      const end = (): unknown =>
        socket.end(() => {
          progress.isWhole = true;
        });
      if (method === 'HEAD') return end();
      if (isChunked) socket.write(`${bytes.toString(16)}\r\n`);
      let left = bytes;
      // Block by block, so that it can be seen how far it has come.
      const goOn = (): unknown => {
        while (left > 0) {
          const more = socket.write(block.subarray(0, left));
          left -= block.length;
          if (!more) return socket.once('drain', goOn);
        }
        if (isChunked) socket.write(isCut ? '\r\n' : '\r\n0\r\n\r\n');
        return end();
      };
      return goOn();
    });
  });
}

/** The bytes of chunks whose last one is missing. */
function bytesOfChunks(text: string): string {
  let body = '';
  for (let at = 0; at < text.length; ) {
    const line = text.indexOf('\r\n', at);
    if (line < 0) break;
    const size = Number.parseInt(text.slice(at, line), 16);
    body += text.slice(line + 2, line + 2 + size);
    at = line + 4 + size;
  }
  return body;
}

const PLACES: Readonly<Record<string, string>> = {
  usual: '',
  off: 'proxy_buffering off;',
  'no-file': 'proxy_max_temp_file_size 0;',
  'small-file': 'proxy_max_temp_file_size 1m;',
  'large-buffers': 'proxy_buffers 400 64k; proxy_busy_buffers_size 128k; proxy_max_temp_file_size 0;',
  ignoring: 'proxy_ignore_headers X-Accel-Buffering;',
};

describe.skipIf(nginxVersion === '')('buffering beside nginx', () => {
  const taken = new Map<string, Progress>();
  let peer: TestPeer;
  let pair: Pair;
  beforeAll(async () => {
    peer = await startPeer(taken);
    const locations = Object.entries(PLACES).map(
      ([name, text]) => `location /${name}/ { ${text} proxy_pass http://${peer.address}; }`,
    );
    pair = await startPair(`
      proxy_http_version 1.1;
      server { listen 127.0.0.1:{port}; proxy_temp_path {dir}/temp 1 2; ${locations.join('\n')} }`);
  });
  afterAll(async () => {
    await pair?.close();
    await peer?.close();
  });

  /** The answer, and whether the peer was rid of its own while the client read nothing. */
  async function ask(
    side: Side,
    method: string,
    path: (side: string) => string,
    waitMs: number,
    meet: () => Promise<boolean>,
  ): Promise<unknown> {
    const socket = connect({ port: side.port, host: '127.0.0.1' });
    const target = path(side.name);
    socket.on('error', () => {});
    socket.write(`${method} ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    if (waitMs > 0) {
      socket.pause();
      await standsStill(target, waitMs);
      // What one of the two had the time for, the other gets it for as well.
      if (await meet()) await standsStill(target, PATIENCE_MS);
    }
    const early = waitMs > 0 && taken.get(target)?.isWhole === true;
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('latin1');
    const answer = readAnswer(text, method === 'HEAD', true);
    if (answer === null) throw new Error(`no answer: ${text.slice(0, 200)}`);
    const isCutInChunks = answer.framing === 'cut' && answer.fields.some(([, value]) => value === 'chunked');
    const body = isCutInChunks ? bytesOfChunks(answer.body) : answer.body;
    const { status, fields, framing } = comparable(answer, side);
    return { status, fields, framing, bytes: body.length, isRight: isRight(body), early };
  }

  /** Until the whole answer was taken, or for so long nothing of it: how fast that goes is the machine's business. */
  async function standsStill(target: string, ms: number): Promise<void> {
    let bytes = -1;
    for (let since = performance.now(); performance.now() - since < ms; ) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      const progress = taken.get(target);
      if (progress?.isWhole === true) return;
      const now = progress?.bytes() ?? -1;
      if (now !== bytes) since = performance.now();
      bytes = now;
    }
  }

  const isRight = (body: string): boolean => {
    const whole = block.toString('latin1');
    for (let at = 0; at < body.length; at += whole.length)
      if (!whole.startsWith(body.slice(at, at + whole.length))) return false;
    return true;
  };

  const same = async (method: string, path: (side: string) => string, waitMs: number): Promise<void> => {
    const sides = [pair.nginx, pair.lbproxy];
    const both = Promise.withResolvers<boolean>();
    let met = 0;
    const meet = (): Promise<boolean> => {
      if (++met === sides.length) both.resolve(sides.some(({ name }) => taken.get(path(name))?.isWhole));
      return both.promise;
    };
    const [nginx, lbproxy] = await Promise.all(sides.map((side) => ask(side, method, path, waitMs, meet)));
    expect(lbproxy, `${method} ${path('…')}`).toEqual(nginx);
  };

  it.each(Object.keys(PLACES))('fast clients in %s', async (place) => {
    for (const framing of ['length', 'chunked', 'close', 'cut', 'cut-chunks'] as const) {
      for (const bytes of [0, 1, 5000, 70_000, 3_000_000])
        await same('GET', (side) => `/${place}/${side}/${framing}/${bytes}/`, 0);
      await same('HEAD', (side) => `/${place}/${side}/${framing}/5000/`, 0);
    }
  });

  it.each(Object.keys(PLACES))('slow clients in %s', async (place) => {
    await Promise.all(
      ['', 'no', 'yes', 'maybe'].map((accel) =>
        same('GET', (side) => `/${place}/${side}/length/${LARGE}/${accel}`, 3500),
      ),
    );
  });

  it.each(['chunked', 'close', 'cut', 'cut-chunks'])('slow clients of an answer by %s', async (framing) => {
    await same('GET', (side) => `/usual/${side}/${framing}/${LARGE}/`, 3500);
  });
});
