// What goes to a peer is one request, what comes back is its answer: whatever the configuration or a variable makes of it.
import { describe, expect, it } from 'vitest';
import { get, OK, observedPeer, pause, post } from '../support/observed-peer.ts';
import { rawClient } from '../support/raw-client.ts';

const peer = observedPeer();

describe('proxy_method', () => {
  it('decides how the answer is framed: a body for HEAD made GET is not the next answer', async () => {
    const proxy = await peer.proxyWith('', 'proxy_method GET;');
    peer.serve = (side, text) => {
      if (text.includes('/first')) {
        side.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 44\r\n\r\n');
        const evil = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil..';
        setTimeout(() => side.socket.write(evil.slice(0, 44).padEnd(44, '.')), 100);
      } else side.socket.write(OK);
    };
    const client = rawClient(proxy.port);
    client.write('HEAD /first HTTP/1.1\r\nHost: a\r\n\r\n');
    const head = await client.until((text) => text.includes('\r\n\r\n'));
    expect(head).toContain('Content-Length: 44');
    const [{ group }] = proxy.runtime.upstreams.all;
    expect(group.peers[0].active).toBe(1);
    await expect.poll(() => group.peers[0].active).toBe(0);
    client.write(get('/second'));
    expect(await client.until((text) => text.endsWith('ok'))).not.toContain('evil');
    // The body was read to its end, so that the connection served both.
    expect(peer.sides.length).toBe(1);
    client.destroy();
  });

  it('HEAD for a GET ends without a body', async () => {
    const proxy = await peer.proxyWith('', 'proxy_method HEAD;');
    peer.serve = (side) => side.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 44\r\n\r\n');
    const client = rawClient(proxy.port);
    client.write(get('/first'));
    await client.until((text) => text.includes('\r\n\r\n'));
    client.write(get('/second'));
    expect(
      (await client.until((text) => text.split('\r\n\r\n').length === 3)).match(/ 200 OK/g)?.length,
    ).toBe(2);
    client.destroy();
  });

  it.each(['/%20/x%20HTTP/1.1%0d%0aX-Evil:%20y', '/a%20b'])(
    'that a variable makes no token is not sent (%s)',
    async (path) => {
      const proxy = await peer.proxyWith('', 'proxy_method $uri;');
      peer.serve = (side) => side.socket.write(OK);
      const client = rawClient(proxy.port);
      client.write(get(path));
      await client.until((text) => text.includes('\r\n\r\n'));
      const lines = peer.sides[0].received.split('\r\n');
      expect(lines[0]).toBe(`GET ${path} HTTP/1.1`);
      expect(lines.some((line) => line.startsWith('X-Evil'))).toBe(false);
      client.destroy();
    },
  );
});

describe('a variable in the arguments', () => {
  it.each([
    ['set', 'set $args "u=$uri";'],
    ['rewrite', 'rewrite ^ /x?u=$uri break;'],
  ])('ends no request line (%s)', async (_how, directive) => {
    const proxy = await peer.proxyWith('', directive);
    peer.serve = (side) => side.socket.write(OK);
    const client = rawClient(proxy.port);
    client.write(get('/p%20HTTP/1.1%0d%0aX-Evil:%20y'));
    await client.until((text) => text.endsWith('ok'));
    const lines = peer.sides[0].received.split('\r\n');
    expect(lines[0].split(' ').length).toBe(3);
    expect(lines.some((line) => line.startsWith('X-Evil'))).toBe(false);
    client.destroy();
  });
});

describe('HTTP/1.0 towards the peer', () => {
  it.each([
    ['a length where the body fits the buffer', ''],
    ['a length where it does not', 'client_body_buffer_size 1k;'],
  ])('a chunked body becomes: %s', async (_what, settings) => {
    const proxy = await peer.proxyWith(settings, 'proxy_http_version 1.0; proxy_request_buffering off;');
    const length = 50_000;
    peer.serve = (side) => {
      if (side.received.endsWith('xend') || side.received.endsWith('0\r\n\r\n')) side.socket.end(OK);
    };
    const client = rawClient(proxy.port);
    client.write(post('/up', 'Transfer-Encoding: chunked\r\n'));
    for (let sent = 0; sent < length; sent += 1000) {
      client.write(`3e8\r\n${'x'.repeat(1000)}\r\n`);
      if (sent % 20_000 === 0) await pause(10);
    }
    client.write('3\r\nend\r\n0\r\n\r\n');
    const answer = await client.until((text) => text.includes('\r\n\r\n'));
    expect(answer).toContain('HTTP/1.1 200 ');
    const [head] = peer.sides[0].received.split('\r\n\r\n');
    expect(head).not.toMatch(/transfer-encoding/i);
    expect(head).toContain(`Content-Length: ${length + 3}`);
    client.destroy();
  });
});

describe('a peer connection is kept only', () => {
  it('when the request went out to its last byte', async () => {
    const proxy = await peer.proxyWith('client_max_body_size 0; client_body_buffer_size 64m;');
    peer.serve = (side, text) => {
      if (!text.startsWith('PUT')) return;
      side.socket.pause();
      setTimeout(() => side.socket.write(OK), 300);
    };
    const length = 30_000_000;
    const client = rawClient(proxy.port);
    client.write('PUT /big HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    client.write(`${length.toString(16)}\r\n${'x'.repeat(length)}\r\n0\r\n\r\n`);
    await client.until((text) => text.endsWith('ok'), 5000);
    await pause(50);
    const second = rawClient(proxy.port);
    peer.serve = (side, text) => {
      if (text.startsWith('POST')) side.socket.write(OK);
    };
    second.write(post('/two', 'Content-Length: 0\r\n'));
    expect(await second.until((text) => text.endsWith('ok'))).toContain(' 200 OK');
    expect(peer.sides.length).toBe(2);
    client.destroy();
    second.destroy();
  });

  it('when its peer does not end it at once (Keep-Alive: timeout=0)', async () => {
    const proxy = await peer.proxyWith();
    peer.serve = (side) =>
      side.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nKeep-Alive: timeout=0\r\n\r\nok');
    const client = rawClient(proxy.port);
    client.write(get('/1'));
    await client.until((text) => text.endsWith('ok'));
    await pause(20);
    client.write(get('/2'));
    await client.until((text) => (text.match(/ok/g)?.length ?? 0) === 2);
    expect(peer.sides.length).toBe(2);
    client.destroy();
  });
});
