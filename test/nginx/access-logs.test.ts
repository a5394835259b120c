// access_log beside nginx: variables in paths, conditions, compression, syslog and its parameters, several at once, and $pipe.
import { createSocket, type Socket } from 'node:dgram';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/http-client.ts';
import { nginxVersion } from '../support/nginx.ts';
import { exchangeOnce } from '../support/wire.ts';
import { type Pair, request, type Side, startPair } from './pair.ts';

/** What came to a UDP port, without what no two programs have in common. */
class SyslogServer {
  readonly #socket: Socket = createSocket('udp4');
  readonly #packets: string[] = [];

  async start(): Promise<number> {
    this.#socket.on('message', (packet) => this.#packets.push(packet.latin1Slice()));
    await new Promise<void>((resolve) => this.#socket.bind(0, '127.0.0.1', resolve));
    return (this.#socket.address() as AddressInfo).port;
  }

  get lines(): readonly string[] {
    return this.#packets
      .map((text) => text.replace(/>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d /, '>TIME '))
      .toSorted();
  }

  close(): void {
    this.#socket.close();
  }
}

const SYSLOG: Readonly<Record<string, string>> = {
  plain: '',
  facility: ',facility=user',
  severity: ',severity=alert',
  tag: ',tag=SEE_this1',
  nohost: ',nohostname',
  all: ',facility=local0,severity=debug,tag=a,nohostname',
};

const configuration = (port: string): string => `
  log_format short '$uri|$status|$pipe|$request_method'; log_format none escape=none '$arg_x'; log_format json escape=json '{"x":"$arg_x"}';
  log_format default '$arg_x|$http_x'; log_format empty ""; log_format split '$uri' ' $status' "end";
  map $status $bad { ~^[45] 1; default 0; }
  server { listen {port}; server_name ref.example; root {dir};
    location /path/ { access_log {dir}/by-$arg_name.log short; return 200; }
    location /dir/ { access_log {dir}/$arg_name/x.log short; return 200; }
    location /cached/ { open_log_file_cache max=2 inactive=1m min_uses=1 valid=1m; access_log {dir}/cached-$arg_name.log short; return 200; }
    location /rare/ { open_log_file_cache max=2 inactive=1m min_uses=2 valid=1m; access_log {dir}/rare-$arg_name.log short; return 200; }
    location /noroot/ { root {dir}/nowhere; access_log {dir}/noroot-$arg_name.log short; return 200; }
    location /relative/ { access_log relative-$arg_name.log short; return 200; }
    location /if/ { access_log {dir}/if.log short if=$arg_a; access_log {dir}/bad.log short if=$bad; if ($arg_s) { return 404; } return 200; }
    location /gzip/ { access_log {dir}/gz.log short gzip=5 flush=50ms; return 200; }
    location /gz/ { access_log {dir}/gz2.log short buffer=1k gzip flush=1m; return 200; }
    location /buffer/ { access_log {dir}/buffer.log short buffer=32k flush=50ms; return 200; }
    location /escape/ { access_log {dir}/none.log none; access_log {dir}/json.log json; access_log {dir}/default.log default; access_log {dir}/empty.log empty; access_log {dir}/split.log split; return 200; }
    location /off/ { access_log off; access_log {dir}/off.log short; return 200; }
    location /inner/ { access_log {dir}/outer.log short; location /inner/x { return 200; } location /inner/off { access_log off; return 200; } return 200; }
    ${Object.entries(SYSLOG)
      .map(
        ([name, text]) =>
          `location /${name} { access_log syslog:server=127.0.0.1:${port}${text} short; return 200; }`,
      )
      .join('\n')}
    location /two { access_log syslog:server=127.0.0.1:${port} short; access_log syslog:server=127.0.0.1:${port},tag=b none if=$arg_x; return 200; }
    location /first { access_log syslog:severity=alert,server=127.0.0.1:${port} default; return 200; }
    location / { access_log {dir}/all.log short; return 200; }
  }`;

const NAMES = ['a', 'b', 'c', 'a', 'b', 'b', 'c.d', 'b', '\xc3\xa9', '\xc3\xa9', '\xc3\xa9'];
const TARGETS = [
  ...['path', 'dir', 'cached', 'rare', 'noroot', 'relative'].flatMap((place) =>
    NAMES.map((name) => `/${place}/?name=${name}`),
  ),
  ...['?a=1', '?a=0', '?a=', '', '?a=00', '?s=1', '?a=1&s=1'].map((args) => `/if/${args}`),
  ...Array.from({ length: 60 }, (_, i) => `/gz/${i}`),
  ...['/gzip/1', '/gzip/2', '/buffer/1', '/off/', '/inner/', '/inner/x', '/inner/off'],
  ...['%22', '"', '\\', '\x80\xff', '%0a', "'", 'a b'.replace(' ', '+')].map((x) => `/escape/?x=${x}`),
  ...Object.keys(SYSLOG).map((name) => `/${name}`),
  ...['/two', '/two?x=1', '/first?x=1', '/first?x=\xe9"'],
];

/** One of each syslog, and of `/two` and `/first` each one or two. */
const PACKETS = 11;

const FILES = ['a', 'b', 'c', 'c.d', '\u00e9'].flatMap((name) => [
  ...['by', 'cached', 'rare', 'noroot', 'relative'].map((place) => `${place}-${name}.log`),
  `${name}/x.log`,
]);
const PLAIN = ['if', 'bad', 'buffer', 'none', 'json', 'default', 'empty', 'split', 'outer', 'all'].map(
  (name) => `${name}.log`,
);

describe.skipIf(nginxVersion === '')('access_log', () => {
  const servers = [new SyslogServer(), new SyslogServer()] as const;
  let pair: Pair;

  beforeAll(async () => {
    const [theirs, ours] = [await servers[0].start(), await servers[1].start()];
    pair = await startPair(configuration('{peer}'), [String(theirs), String(ours)]);
    for (const { dir } of [pair.nginx, pair.lbproxy]) mkdirSync(`${dir}/b`);
    const ask = async ({ port }: Side): Promise<void> => {
      for (const target of TARGETS) await exchangeOnce(port, request('GET', target, ['X: a"b\\c\xe9']));
      const one = 'GET /pipe HTTP/1.1\r\nHost: ref.example\r\n\r\n';
      await exchangeOnce(port, `${one}${one}${request('GET', '/pipe-end')}`, {});
      await exchangeOnce(port, request('GET', '/last'));
    };
    await Promise.all([ask(pair.nginx), ask(pair.lbproxy)]);
    await until(() => read(pair.nginx, 'all.log').includes('/last'), 5000, 'the last line');
    await until(() => read(pair.nginx, 'buffer.log') !== '', 5000, 'what was buffered');
    const isLogged = (): boolean => {
      pair.lbproxy.flush();
      return read(pair.lbproxy, 'all.log').includes('/last');
    };
    await until(isLogged, 5000, 'our last line');
    await until(() => servers.every(({ lines }) => lines.length >= PACKETS), 5000, 'all packets');
  });
  afterAll(async () => {
    await pair?.close();
    for (const server of servers) server.close();
  });

  /** `relative` paths of lbproxy start where its configuration file is, which is gone. */
  const read = ({ dir }: Side, name: string): string =>
    existsSync(`${dir}/${name}`) ? readFileSync(`${dir}/${name}`, 'latin1') : 'there is none';

  it.each(FILES.filter((name) => !name.startsWith('relative')))('%s', (name) => {
    expect(read(pair.lbproxy, name)).toBe(read(pair.nginx, name));
  });

  it.each(PLAIN)('%s', (name) => {
    const inOrder = (text: string): readonly string[] => text.split('\n').toSorted();
    expect(inOrder(read(pair.lbproxy, name))).toEqual(inOrder(read(pair.nginx, name)));
  });

  it.each(['gz.log', 'gz2.log'])('%s', async (name) => {
    const unpacked = (side: Side): string =>
      gunzipSync(Buffer.from(read(side, name), 'latin1')).latin1Slice();
    await until(() => existsSync(`${pair.nginx.dir}/${name}`) && read(pair.nginx, name) !== '', 5000, name);
    const theirs = unpacked(pair.nginx);
    // nginx writes the rest of a buffer when it ends.
    expect(unpacked(pair.lbproxy).startsWith(theirs)).toBe(true);
    expect(theirs.length).toBeGreaterThan(10);
  });

  it('says the same to syslog', () => {
    expect(servers[1].lines).toEqual(servers[0].lines);
    expect(servers[1].lines.length).toBe(PACKETS);
  });
});
