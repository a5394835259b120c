// What must never come out of a cache, nor out of files that proxy_store makes: what one client did to another's answer, parts that look
// whole, answers that are kept anew by a word that was not about them.

import fs, { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { CachePlace, EntryWriter } from '../../src/cache/place.ts';
import { field } from '../support/wire.ts';
import { ask, connections, dir, filesIn, openFiles, peer, proxy, said, seen, start } from './cache-site.ts';

describe('a cache under attack', () => {
  it('a peer that dies early leaves nothing', async () => {
    for (const [path, text] of [
      ['/length', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345'],
      ['/chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n'],
    ]) {
      await start(
        'proxy_http_version 1.1; proxy_cache one; proxy_cache_valid any 1h; proxy_cache_lock on;',
        () => text,
      );
      expect((await ask('GET', path)).framing).toBe('cut');
      expect((await ask('GET', path)).framing).toBe('cut');
      expect(filesIn(`${dir}/cache`)).toEqual([]);
      await expect.poll(openFiles).toBe(0);
      await proxy?.close();
      await peer?.close();
    }
  });

  it('a HEAD that is passed as it is does not stand for a GET', async () => {
    await start(
      'proxy_cache one; proxy_cache_valid any 1h; proxy_cache_convert_head off; proxy_cache_key $uri;',
      (head) => `HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n${head.startsWith('HEAD') ? '' : '12345'}`,
    );
    await ask('HEAD', '/a');
    expect(said(await ask('GET', '/a'))).toBe('200 MISS length 12345');
    expect(said(await ask('GET', '/a'))).toBe('200 HIT length 12345');
    expect(said(await ask('HEAD', '/a'))).toMatch(/^200 HIT/);
  });

  it('a 304 to the validators of a client renews nothing', async () => {
    let etag = '"old"';
    await start(
      'proxy_cache one; proxy_cache_valid any 1h; proxy_cache_revalidate on; proxy_cache_max_range_offset 0;',
      (head) =>
        head.includes(`If-None-Match: ${etag}`)
          ? `HTTP/1.1 304 Not Modified\r\nETag: ${etag}\r\n\r\n`
          : `HTTP/1.1 200 OK\r\nETag: ${etag}\r\nX-Accel-Expires: ${etag === '"old"' ? '@1' : '100'}\r\nContent-Length: 5\r\n\r\n${etag}`,
    );
    await ask('GET', '/a');
    etag = '"new"';
    const own = await ask('GET', '/a', ['Range: bytes=0-', 'If-None-Match: "new"']);
    const next = await ask('GET', '/a');
    expect(next.body).toBe('"new"');
    expect(own.status).toBe(304);
  });

  it('a date that is none is stored, and no validator', async () => {
    await start(
      'proxy_cache one; proxy_cache_revalidate on;',
      (head) =>
        `HTTP/1.1 200 OK\r\nLast-Modified: yesterday\r\nX-Accel-Expires: ${head.includes(' /old') ? '@1' : '100'}\r\nContent-Length: 5\r\n\r\n12345`,
    );
    for (const path of ['/new', '/new', '/old', '/old']) await ask('GET', path);
    expect(seen.map((head) => head.split(' ')[1])).toEqual(['/new', '/old', '/old']);
    expect(seen[2]).not.toMatch(/if-modified-since/i);
  });

  it('a disk that takes nothing leaves no file open', async () => {
    await start(
      'proxy_cache one; proxy_cache_use_stale updating;',
      () => 'HTTP/1.1 200 OK\r\nX-Accel-Expires: @1\r\nContent-Length: 5\r\n\r\n12345',
    );
    await ask('GET', '/a');
    vi.spyOn(CachePlace.prototype, 'lock').mockImplementation(() => {
      throw new Error('ENOSPC: no space left on device');
    });
    for (let i = 0; i < 3; i++) expect((await ask('GET', '/a')).body).toBe('12345');
    await expect.poll(openFiles).toBe(0);
  });

  it('an uncacheable page that is asked for often makes no file grow', async () => {
    await start(
      'proxy_cache one; proxy_cache_valid any 1h; proxy_cache_min_uses 2;',
      () => 'HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 5\r\n\r\n12345',
    );
    for (let i = 0; i < 6; i++) await ask('GET', '/a');
    const [uses] = filesIn(`${dir}/cache`);
    expect(readFileSync(`${dir}/cache/${uses}`).length).toBe(2);
  });

  it('a location without a cache is asked as if there had been none before', async () => {
    await start(
      'set $off off; proxy_cache $off; } location /a { proxy_pass http://$peer; set $peer "$arg_peer"; proxy_cache one; proxy_cache_valid any 1h; proxy_intercept_errors on; error_page 404 = /plain;',
      (head) =>
        head.includes(' /a')
          ? 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'
          : 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345',
    );
    const answer = await ask('HEAD', `/a?peer=${peer?.address}`, ['Range: bytes=1-2']);
    expect(seen[1]).toMatch(/^HEAD \/plain[\s\S]*\r\nRange: bytes=1-2\r\n/);
    expect([answer.status, field(answer, 'x-cache')]).toEqual([200, '']);
  });

  it('half a body whose client has left lets go of all', async () => {
    await start(
      // A body that is read whole is read before anything is locked.
      'proxy_cache one; proxy_cache_methods POST; proxy_cache_lock on; proxy_cache_valid any 1h; proxy_request_buffering off;',
      // The peer waits for the rest.
      () => '',
      true,
    );
    const socket = connect(proxy?.port ?? 0, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345');
    await expect.poll(() => filesIn(`${dir}/cache`).length).toBe(1);
    socket.destroy();
    await expect.poll(() => filesIn(`${dir}/cache`)).toEqual([]);
  });
});

describe('an update beside', () => {
  const config = 'proxy_cache one; proxy_cache_use_stale updating error; proxy_cache_background_update on;';
  const old = 'HTTP/1.1 200 OK\r\nX-Accel-Expires: @1\r\nContent-Length: 3\r\n\r\nold';
  const fresh = 'HTTP/1.1 200 OK\r\nX-Accel-Expires: 100\r\nContent-Length: 5\r\n\r\nfresh';
  const locks = (): string[] => filesIn(`${dir}/cache`).filter((name) => !/[0-9a-f]{32}$/.test(name));

  it.each([
    ['a peer that says nothing', ''],
    ['an answer that is cut', fresh.slice(0, -2)],
    ['an answer that must not be stored', fresh.replace('X-Accel-Expires: 100', 'Set-Cookie: a=b')],
    ['a redirect inside', 'HTTP/1.1 200 OK\r\nX-Accel-Redirect: /other\r\n\r\n'],
    ['events', fresh.replace('X-Accel-Expires', 'Content-Type: text/event-stream\r\nX-Accel-Expires')],
  ])('%s leaves no lock', async (_what, second) => {
    await start(config, () => (seen.length === 1 ? old : second));
    await ask('GET', '/a');
    expect(said(await ask('GET', '/a'))).toContain('STALE length old');
    await expect.poll(() => [seen.length >= 2, locks(), openFiles()]).toEqual([true, [], 0]);
  });

  it.each([
    ['error_page', 'proxy_intercept_errors on; error_page 500 /other;'],
    ['plain', ''],
  ])('an error (%s) leaves no lock', async (_what, more) => {
    await start(`${config} ${more}`, () =>
      seen.length === 1 ? old : 'HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n',
    );
    await ask('GET', '/a');
    await ask('GET', '/a');
    await expect.poll(() => [seen.length >= 2, locks(), openFiles()]).toEqual([true, [], 0]);
  });

  it('goes on when its client leaves', async () => {
    await start(config, () => (seen.length === 1 ? old : fresh));
    await ask('GET', '/a');
    const socket = connect(proxy?.port ?? 0, '127.0.0.1');
    socket.on('error', () => {});
    socket.end('GET /a HTTP/1.1\r\nHost: a\r\n\r\n');
    socket.once('data', () => socket.destroy());
    await expect.poll(async () => said(await ask('GET', '/a'))).toContain('HIT length fresh');
    await expect.poll(() => [locks(), openFiles()]).toEqual([[], 0]);
  });
});

describe('a large answer of which clients want less', () => {
  const BODY = Array.from({ length: 300_000 }, (_, i) => `${i % 10}`.repeat(10)).join('');
  const whole = 'proxy_http_version 1.1; proxy_cache one; proxy_cache_valid any 1h; proxy_force_ranges on;';
  const answer = (head: string): string =>
    head.includes('/chunked')
      ? `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`
      : `HTTP/1.1 200 OK\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;

  it.each(['/length', '/chunked'])('a part of %s is no whole', async (path) => {
    await start(whole, answer);
    await ask('GET', path, ['Range: bytes=0-9']);
    const next = await ask('GET', path);
    expect([next.status, next.body.length, next.body === BODY]).toEqual([200, BODY.length, true]);
  });

  it.each(['/length', '/chunked'])('a HEAD of %s is no whole', async (path) => {
    await start(whole, answer);
    await ask('HEAD', path);
    const next = await ask('GET', path);
    expect([next.status, next.body.length, next.body === BODY]).toEqual([200, BODY.length, true]);
  });

  it.each(['/length', '/chunked'])('a client that leaves in the midst of %s', async (path) => {
    await start(whole, answer);
    const socket = connect(proxy?.port ?? 0, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await new Promise((done) => socket.once('data', done));
    socket.pause();
    socket.destroy();
    await expect.poll(() => filesIn(`${dir}/cache`).filter((name) => !name.endsWith('.new')).length).toBe(1);
    const next = await ask('GET', path);
    expect([field(next, 'x-cache'), next.body.length, next.body === BODY]).toEqual([
      'HIT',
      BODY.length,
      true,
    ]);
    await expect.poll(openFiles).toBe(0);
  });

  it('a client that leaves, then the peer dies', async () => {
    await start(whole, (head) => (seen.length === 1 ? answer(head).slice(0, 200_000) : answer(head)));
    const socket = connect(proxy?.port ?? 0, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET /length HTTP/1.1\r\nHost: a\r\n\r\n');
    await new Promise((done) => socket.once('data', done));
    socket.destroy();
    await expect.poll(() => [filesIn(`${dir}/cache`), openFiles()]).toEqual([[], 0]);
    expect(field(await ask('GET', '/length'), 'x-cache')).toBe('MISS');
  });
});

describe('proxy_store under attack', () => {
  it('half an answer makes no file', async () => {
    await start(`proxy_http_version 1.1; proxy_store ${dir}/site$uri;`, (head) =>
      head.startsWith('HEAD')
        ? 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
        : 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n',
    );
    await ask('GET', '/first');
    await ask('HEAD', '/second');
    expect(filesIn(`${dir}/site`)).toEqual([]);
  });

  it('a directory that another acceptor has just made is as good', async () => {
    await start(`proxy_store ${dir}/site$uri;`, () => 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345');
    mkdirSync(`${dir}/site`);
    vi.spyOn(fs, 'existsSync').mockReturnValueOnce(false);
    await ask('GET', '/page');
    await expect.poll(() => filesIn(`${dir}/site`)).toEqual(['page']);
  });
});

describe('an answer that could not be stored', () => {
  const half = 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n12345';
  it.each([
    ['a cache', 'proxy_cache one; proxy_cache_valid any 1h;'],
    ['a directory that is a file', 'proxy_store DIR/file/page;'],
    ['a path that is empty', 'set $none ""; proxy_store $none;'],
  ])('(%s) goes with its client', async (_what, location) => {
    writeFileSync(`${dir}/file`, '');
    await start(location.replace('DIR', dir), () => half, true);
    const write = EntryWriter.prototype.write;
    vi.spyOn(EntryWriter.prototype, 'write').mockImplementation(function (this: EntryWriter, buf, from, to) {
      if (buf.includes('12345')) throw new Error('ENOSPC: no space left on device');
      write.call(this, buf, from, to);
    });
    const socket = connect(proxy?.port ?? 0, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET /a HTTP/1.1\r\nHost: a\r\n\r\n');
    await new Promise((done) => socket.once('data', done));
    expect(connections).toBe(1);
    socket.destroy();
    await expect.poll(() => [connections, openFiles(), filesIn(`${dir}/cache`)]).toEqual([0, 0, []]);
  });
});
