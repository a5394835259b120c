// A table of requests to nginx and lbproxy under one configuration: each answer, then all lines of both access logs, must be equal.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFiles, TYPES_BLOCK } from '../serve/site.ts';
import { nginxVersion } from '../support/nginx.ts';
import { deadPort, type TestPeer } from '../support/upstream.ts';
import { startEchoPeer } from './echo-peer.ts';
import { askBoth, type Pair, type Side, startPair } from './pair.ts';

/** The site's files, a peer that echoes or answers what it is told (`answerWith`), and an address where nobody listens. */
export interface TablePlaces {
  readonly root: string;
  readonly peer: string;
  readonly dead: string;
}

export interface TableCase {
  readonly name: string;
  readonly bytes: string;
  /** Address to connect to, 127.0.0.1 unless given. */
  readonly to?: string;
}

/** A request of HTTP/1.1 that ends its connection. `lines` without line ends. */
export function ask(host: string, method: string, target: string, lines: readonly string[] = []): TableCase {
  const body = method === 'POST' || method === 'PUT' ? 'some=body' : '';
  const all = [`${method} ${target} HTTP/1.1`, `Host: ${host}`, ...lines];
  if (body !== '') all.push(`Content-Length: ${body.length}`);
  const told = lines.length === 0 ? '' : ` ${lines.join(', ').slice(0, 60)}`;
  return {
    name: `${host} ${method} ${target.slice(0, 60)}${told}`,
    bytes: `${[...all, 'Connection: close'].join('\r\n')}\r\n\r\n${body}`,
  };
}

/** The same on a connection that may stay. */
export function kept({ name, bytes }: TableCase): TableCase {
  return { name: `${name} kept`, bytes: bytes.replace('Connection: close\r\n', '') };
}

const LOG = `log_format table '$request_method|$status|$uri|$args|$request_uri|$remote_user|$sent_http_location|$sent_http_content_type|$sent_http_www_authenticate|$upstream_status';`;

/** `configuration` stands in `http { }` behind types and the log; `{dir}` is each side's own directory. */
export function describeTable(
  title: string,
  configuration: (places: TablePlaces) => string,
  cases: readonly TableCase[],
): void {
  describe.skipIf(nginxVersion === '')(title, () => {
    const files = makeFiles();
    let peer: TestPeer;
    let pair: Pair;
    beforeAll(async () => {
      peer = await startEchoPeer();
      const places = { root: files.root, peer: peer.address, dead: `127.0.0.1:${await deadPort()}` };
      const head = `${LOG} proxy_http_version 1.1; default_type text/plain; ${TYPES_BLOCK}`;
      // The kit's nginx has access_log off, which only an inner level takes back.
      const text = configuration(places).replace(
        /\bserver \{/g,
        'server { access_log {dir}/access.log table;',
      );
      pair = await startPair(`${head} ${text}`);
    });
    afterAll(async () => {
      await pair?.close();
      await peer?.close();
      files.remove();
    });

    it.each(cases)('$name', async ({ bytes, to }) => {
      const { nginx, lbproxy } = await askBoth(pair, bytes, { host: to });
      expect(lbproxy).toEqual(nginx);
    });

    it('logs the same lines', async () => {
      const linesOf = ({ dir, ports }: Side): string[] =>
        ports
          .reduce(
            (text, port, i) => text.replaceAll(`:${port}`, `:PORT${i}`),
            readFileSync(join(dir, 'access.log'), 'latin1'),
          )
          // Whether arguments are empty or none nginx leaves to chance where a target with variables has none.
          .replace(/^([^|]*\|[^|]*\|[^|]*\|)\|/gm, '$1-|')
          .trim()
          .split('\n')
          .sort();
      for (const side of [pair.nginx, pair.lbproxy])
        await expect
          .poll(() => {
            side.flush();
            return linesOf(side).length;
          })
          .toBe(cases.length);
      expect(linesOf(pair.lbproxy)).toEqual(linesOf(pair.nginx));
    });
  });
}
