// The leaves that the primary makes: for the names of the configuration and for no others, valid for 397 days at most, made anew in time.
import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Model } from '../../src/config/model.ts';
import type { Leaf } from '../../src/local-ca/leaf.ts';
import { LeafStock } from '../../src/local-ca/leaf-stock.ts';
import { makeAuthority, type Pems, Signer } from '../../src/local-ca/maker.ts';
import { hostNameOf, keyOf, namesOf } from '../../src/local-ca/names.ts';
import { readModel } from '../support/proxy.ts';

const DAY_MS = 24 * 3600_000;
const dir = mkdtempSync(join(tmpdir(), 'lbproxy-'));
let authority: Pems;
beforeAll(async () => {
  authority = await makeAuthority('somebody@somewhere', Date.now());
  writeFileSync(join(dir, 'ca.crt'), authority.certificate);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function modelOf(text: string): Model {
  const { model, remove } = readModel(text);
  remove();
  return model;
}

const server = (names: string, listen = '8443 ssl', certificate = 'local'): string =>
  `server { listen ${listen}; server_name ${names}; ssl_certificate ${certificate}; return 204; }`;
const inHttp = (...servers: string[]): Model => modelOf(`http { ${servers.join('\n')} }`);
const namesIn = (leaf: Leaf | null): string =>
  new X509Certificate(leaf?.certificate ?? '').subjectAltName ?? '';

/** What openssl says of it, with the authority trusted. */
function verified(leaf: Leaf, ca = join(dir, 'ca.crt'), more: readonly string[] = []): string {
  const file = join(dir, 'leaf.crt');
  writeFileSync(file, leaf.certificate);
  return execFileSync(
    'openssl',
    ['verify', '-x509_strict', '-purpose', 'sslserver', ...more, '-CAfile', ca, file],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  ).trim();
}

describe('the names of a server', () => {
  it('are those that are written out, localhost, and the addresses', () => {
    const [{ settings }] = inHttp(
      server(
        'App.localhost *.wild.test .both.test www.* ~^re\\d 10.0.0.7 "" _ bad_-.test',
        '[::1]:8443 ssl; listen 10.1.2.3:9 ssl',
      ),
    ).servers;
    expect(namesOf(settings)).toEqual({
      dns: ['localhost', 'app.localhost', 'both.test'],
      ips: ['127.0.0.1', '::1', '10.1.2.3', '10.0.0.7'],
    });
  });

  it('are at most a hundred in one certificate', () => {
    const [{ settings }] = inHttp(
      server(Array.from({ length: 300 }, (_, i) => `n${i}.test`).join(' ')),
    ).servers;
    expect(namesOf(settings).dns).toHaveLength(100);
  });

  it.each([
    'a..b',
    '-a.test',
    'a b',
    '1.2.3.4',
    '::1',
    `${'a'.repeat(64)}.test`,
    'é.test',
    '',
    '.',
    'a/b',
    '*.test',
    ' key',
  ])('are host names: %j is none', (text) => expect(hostNameOf(text)).toBe(''));
});

describe('the configuration', () => {
  it('says so in JSON, too', () => {
    const [{ settings }] = modelOf(
      '{ "servers": [{ "listen": "8443 ssl", "server_name": "app.localhost", "certificate": "local", "return": 204 }] }',
    ).servers;
    expect([settings.sslCertificate, namesOf(settings).dns]).toEqual([
      ['local'],
      ['localhost', 'app.localhost'],
    ]);
  });

  it('cannot have another certificate beside it, and needs no key', () => {
    expect(() => inHttp(server('a.test', '8443 ssl', 'local; ssl_certificate self-signed'))).toThrow(
      /nginx\.conf:1:8: "ssl_certificate local" makes a certificate for each name; take it out, or the other/,
    );
    expect(inHttp(server('a.test', '8443 ssl', 'local; ssl_certificate_key a.key')).servers).toHaveLength(1);
  });

  it('means a file of that name by its path', () => {
    const [{ settings }] = inHttp(server('a.test', '8443 ssl', './local; ssl_certificate_key a.key')).servers;
    expect(settings.sslCertificate).toEqual([expect.stringMatching(/^\/.*\/local$/)]);
  });
});

describe('leaves', () => {
  it('of the servers are there before anybody asks', async () => {
    const model = inHttp(
      server('a.test'),
      server('b.test'),
      server('c.test', '80'),
      server('d.test', '444 ssl', 'self-signed'),
    );
    const leaves = await new LeafStock().leavesOf(model, authority);
    expect(Object.values(leaves).map(namesIn)).toEqual([
      'DNS:localhost, DNS:a.test, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
      'DNS:localhost, DNS:b.test, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    ]);
    for (const leaf of Object.values(leaves)) {
      expect(verified(leaf)).toMatch(/: OK$/);
      const made = new X509Certificate(leaf.certificate);
      expect(made.checkPrivateKey(createPrivateKey(leaf.key))).toBe(true);
      expect(createPrivateKey(leaf.key).asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
      expect(Date.parse(made.validTo) - Date.parse(made.validFrom)).toBeLessThanOrEqual(397 * DAY_MS);
    }
  });

  it('are made for names that a server has, and for no others', async () => {
    const stock = new LeafStock();
    await stock.leavesOf(
      inHttp(server('a.test *.wild.test ~^re\\d+\\.test$'), server('d.test', '444 ssl', 'self-signed')),
      authority,
    );
    for (const name of ['a.test', 'x.wild.test', 'x.y.wild.test', 're7.test', 'localhost', 'x.y.localhost'])
      expect(namesIn(await stock.find(name))).toBe(`DNS:${name}`);
    for (const name of [
      'b.test',
      'd.test',
      'wild.test',
      'ree.test',
      'notlocalhost',
      'A.TEST',
      'a.test.',
      '*.wild.test',
      '127.0.0.1',
      '',
      ' x',
    ])
      expect(await stock.find(name)).toBeNull();
  });

  it('are those of the configuration that is served', async () => {
    const stock = new LeafStock();
    const [before, after] = [inHttp(server('a.test')), inHttp(server('b.test'))];
    const [key] = Object.keys(await stock.leavesOf(before, authority));
    await stock.leavesOf(after, authority);
    // Until one of them is served both have clients.
    expect(await stock.find('a.test')).not.toBeNull();
    expect(await stock.find('b.test')).not.toBeNull();
    stock.keepOnly(after);
    expect(await stock.find('a.test')).toBeNull();
    expect(await stock.find(key)).toBeNull();
    expect(await stock.find('b.test')).not.toBeNull();
  });

  it('are the same until they are due, and are made anew then', async () => {
    let nowMs = Date.now();
    const stock = new LeafStock(() => nowMs);
    const model = inHttp(server('a.test *.wild.test'));
    const [[key, first]] = Object.entries(await stock.leavesOf(model, authority));
    const wild = await stock.find('x.wild.test');
    nowMs += 300 * DAY_MS;
    expect(await stock.find(key)).toBe(first);
    expect(await stock.find('x.wild.test')).toBe(wild);
    nowMs = first.renewAtMs;
    const [second, otherWild] = [await stock.find(key), await stock.find('x.wild.test')];
    expect([namesIn(second), namesIn(otherWild)]).toEqual([namesIn(first), namesIn(wild)]);
    expect(second?.endsAtMs).toBe(nowMs + 396 * DAY_MS);
    expect(first.endsAtMs - nowMs).toBe(30 * DAY_MS);
    expect((await stock.leavesOf(model, authority))[key]).toBe(second);
    // A clock that is set right again.
    nowMs -= 330 * DAY_MS;
    expect((await stock.find(key))?.madeAtMs).toBe(nowMs);
  });

  it('are made once for all that ask at once', async () => {
    const stock = new LeafStock();
    await stock.leavesOf(inHttp(server('*.wild.test')), authority);
    const all = await Promise.all(Array.from({ length: 50 }, () => stock.find('x.wild.test')));
    expect(new Set(all).size).toBe(1);
  });

  it('are not made for more than so many that ask at once', async () => {
    const stock = new LeafStock();
    await stock.leavesOf(inHttp(server('*.wild.test')), authority);
    const all = await Promise.all(Array.from({ length: 80 }, (_, i) => stock.find(`n${i}.wild.test`)));
    expect(all.filter((leaf) => leaf !== null)).toHaveLength(64);
    expect(await stock.find('n79.wild.test')).not.toBeNull();
  });

  it('are new ones where the authority is another', async () => {
    const stock = new LeafStock();
    const model = inHttp(server('a.test'));
    const [[key, first]] = Object.entries(await stock.leavesOf(model, authority));
    const other = await makeAuthority('x', Date.now());
    const second = (await stock.leavesOf(model, other))[key];
    expect(second).not.toBe(first);
    expect(() => verified(second)).toThrow();
  });

  it('end with their authority', async () => {
    const nowMs = Date.now();
    const old = await makeAuthority('x', nowMs - 3600 * DAY_MS);
    const leaf = await (await Signer.of(old)).sign({ dns: ['a.test'], ips: [] }, nowMs);
    expect(Math.round((leaf.endsAtMs - nowMs) / DAY_MS)).toBe(50);
    expect(Math.round((leaf.renewAtMs - nowMs) / DAY_MS)).toBe(25);
  });

  it.each([
    ['rsa:2048', []],
    ['ec', ['-pkeyopt', 'ec_paramgen_curve:P-384']],
  ])('are signed by an authority of another kind: %s', async (kind, options) => {
    const [pem, key] = [join(dir, 'other.crt'), join(dir, 'other.key')];
    execFileSync(
      'openssl',
      [
        ...[
          'req',
          '-x509',
          '-newkey',
          kind,
          ...options,
          '-nodes',
          '-days',
          '900',
          '-subj',
          '/O=mkcert/CN=mkcert é',
        ],
        ...['-utf8', '-addext', 'keyUsage=critical,keyCertSign', '-keyout', key, '-out', pem],
      ],
      { stdio: 'ignore' },
    );
    const signer = await Signer.of({
      certificate: readFileSync(pem, 'utf8'),
      key: readFileSync(key, 'utf8'),
    });
    const names = { dns: ['a.test'], ips: ['::1', '10.0.0.1'] };
    const leaf = await signer.sign(names, Date.now());
    expect(verified(leaf, pem, ['-verify_hostname', 'a.test'])).toMatch(/: OK$/);
    expect(verified(leaf, pem, ['-verify_ip', '::1'])).toMatch(/: OK$/);
    expect(() => verified(leaf, pem, ['-verify_hostname', 'b.test'])).toThrow();
    expect(keyOf(names)).not.toBe(keyOf({ dns: ['a.test'], ips: [] }));
  });
});
