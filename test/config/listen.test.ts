// What `listen` takes and refuses, in both syntaxes; nginx refuses the same.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { ListenModel } from '../../src/listen/rows.ts';
import { nginxComplaint, nginxVersion, tempPaths } from '../support/nginx.ts';
import { readModel } from '../support/proxy.ts';

const dir = mkdtempSync(join(tmpdir(), 'lbproxy-listen-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function listensOf(text: string): readonly ListenModel[] | string {
  try {
    const { model, remove } = readModel(text);
    remove();
    return model.servers[0].settings.listens;
  } catch (error) {
    return (error as Error).message.split('\n')[0].replace(/^\w+\.\w+:/, '');
  }
}

const NO_ADDRESS = 'is no address to listen on; write a port, address:port, [ipv6]:port or unix:/path';

describe('nginx', () => {
  it.each([
    ['8080.5', `1:24: "8080.5" ${NO_ADDRESS}`],
    ['127.0.0.256:9455', `1:24: "127.0.0.256:9455" ${NO_ADDRESS}`],
    ['[1:2]:9455', `1:24: "[1:2]:9455" ${NO_ADDRESS}`],
    ['65536', `1:24: "65536" ${NO_ADDRESS}`],
    ['-1', `1:24: "-1" ${NO_ADDRESS}`],
    ['""', `1:24: "" ${NO_ADDRESS}`],
    ['unix:', `1:24: "unix:" ${NO_ADDRESS}`],
    [
      '127.0.0.1 9455',
      '1:34: invalid parameter "9455" of listen; the port stands behind a colon: 127.0.0.1:9455',
    ],
    ['9455 9456', '1:29: invalid parameter "9456" of listen; write another listen for it: listen 9456;'],
    ['9455 ssl=on', '1:29: "ssl" of listen takes no value; write "ssl" alone, or leave it out'],
    [
      '9455 default_server=1',
      '1:29: "default_server" of listen takes no value; write "default_server" alone, or leave it out',
    ],
    ['[::]:9455 ipv6only=maybe', '1:34: "ipv6only=maybe" of listen is "ipv6only=on" or "ipv6only=off"'],
    ['9455 backlog=0', '1:29: backlog is a number from 1 to 65535'],
    ['9455 nope', '1:29: invalid parameter "nope" of listen'],
  ])('listen %s; is refused', (words, problem) => {
    expect(listensOf(`http { server { listen ${words}; } }`)).toBe(problem);
    if (nginxVersion === '') return;
    const whole = `events { } http { ${tempPaths(dir)} server { listen ${words}; } }`;
    expect(nginxComplaint(dir, whole)).toContain('[emerg]');
  });

  it.each([
    ['localhost:9455', { host: '127.0.0.1', port: 9455 }],
    ['[0:0::1]:9455', { host: '::1', port: 9455 }],
    ['127.0.0.1', { host: '127.0.0.1', port: 80 }],
    ['*', { host: '*', port: 80 }],
    ['app-1.example:9455', { host: 'app-1.example', port: 9455 }],
    ['[::]:9455 ipv6only=off', { host: '::', ipv6only: false }],
  ])('listen %s; is taken', (words, part) => {
    expect(listensOf(`http { server { listen ${words}; } }`)).toEqual([expect.objectContaining(part)]);
  });

  it('what one listen says of the socket holds for the address', () => {
    const { model, remove } = readModel(
      'http { server { listen [::]:1; } server { listen [::]:1 ipv6only=off backlog=7; server_name a; } }',
    );
    remove();
    for (const { settings } of model.servers)
      expect(settings.listens).toEqual([expect.objectContaining({ ipv6only: false, backlog: 7 })]);
  });
});

describe('JSON', () => {
  const BEHIND = 'invalid parameter "8080" of listen; the port stands behind a colon: 127.0.0.1:8080';

  it.each([
    ['8080.5', `1:27: "8080.5" ${NO_ADDRESS}`],
    ['-1', `1:27: "-1" ${NO_ADDRESS}`],
    [
      'true',
      '1:27: "listen" cannot be true; it is: address[:port] | port | unix:path [ssl] [default_server] [proxy_protocol] [backlog=n]',
    ],
    ['["127.0.0.1", 8080]', `1:41: ${BEHIND}`],
    ['["127.0.0.1", "8080"]', `1:41: ${BEHIND}`],
    ['["127.0.0.1:", 8080]', `1:29: "127.0.0.1:" ${NO_ADDRESS}`],
    ['[]', '1:27: "listen": an empty list says nothing; leave "listen" out, or give it a value'],
  ])('"listen": %s is refused', (value, problem) => {
    expect(listensOf(`{ "servers": [{ "listen": ${value} }] }`)).toBe(problem);
  });

  it.each([
    ['["127.0.0.1:8080", 8081]', ['127.0.0.1:8080', '*:8081']],
    ['[8080, 8081]', ['*:8080', '*:8081']],
    ['["127.0.0.1", "127.0.0.2"]', ['127.0.0.1:80', '127.0.0.2:80']],
  ])('"listen": %s is two addresses', (value, addresses) => {
    const listens = listensOf(`{ "servers": [{ "listen": ${value} }] }`);
    if (typeof listens === 'string') expect(listens).toBe('');
    else expect(listens.map(({ host, port }) => `${host}:${port}`)).toEqual(addresses);
  });
});
