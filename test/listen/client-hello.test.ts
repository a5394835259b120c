// The ClientHello of real clients, whole, in pieces, broken.
import { beforeAll, describe, expect, it } from 'vitest';
import { HelloReader, type Opening } from '../../src/listen/client-hello.ts';
import { clientHello } from '../support/client-hello.ts';
import { cpuMs, leastCpuMs } from '../support/cpu-time.ts';

const openingOf = (bytes: Buffer): Opening => new HelloReader().read(bytes);

const NAME = 'Some.Name.example';
let hello: Buffer;
beforeAll(async () => {
  hello = await clientHello({ servername: NAME, ALPNProtocols: ['http/1.1'] });
});

/** The same message in records of so many bytes. */
function inRecords(size: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 5; at < hello.length; at += size) {
    const part = hello.subarray(at, at + size);
    parts.push(hello.subarray(0, 3), Buffer.from([part.length >> 8, part.length & 255]), part);
  }
  return Buffer.concat(parts);
}

describe('a ClientHello', () => {
  it('tells its name once it is whole, however many records it comes in', async () => {
    for (const bytes of [hello, inRecords(100), inRecords(3), inRecords(1)]) {
      const read = (): void => {
        const reader = new HelloReader();
        for (let length = 1; length < bytes.length; length++) {
          if (reader.read(bytes.subarray(0, length)).kind !== 'incomplete')
            throw new Error(`ready at ${length}`);
        }
        expect(reader.read(bytes)).toMatchObject({ kind: 'tls', hello: { name: NAME } });
      };
      // Linear; some seconds where every byte has all of it read anew.
      expect(await leastCpuMs(() => cpuMs(read), 500)).toBeLessThan(500);
      expect(openingOf(bytes)).toMatchObject({ kind: 'tls', hello: { name: NAME } });
      expect(openingOf(Buffer.concat([bytes, Buffer.from('more')]))).toMatchObject({
        kind: 'tls',
        hello: { name: NAME },
      });
    }
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('of %s without a name has none', async (version) => {
    const nameless = await clientHello({ servername: '', minVersion: version, maxVersion: version });
    expect(openingOf(nameless)).toMatchObject({ kind: 'tls', hello: { name: '' } });
    const named = await clientHello({ servername: NAME, minVersion: version, maxVersion: version });
    expect(openingOf(named)).toMatchObject({ kind: 'tls', hello: { name: NAME } });
  });

  it('tells what else the client offers', async () => {
    const bytes = await clientHello({
      ciphers: 'TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256',
      ecdhCurve: 'P-384:P-256',
    });
    const opening = openingOf(bytes);
    if (opening.kind !== 'tls') throw new Error(opening.kind);
    const { ciphers, groups, sessionId, identity } = opening.hello;
    expect(Buffer.from(ciphers, 'latin1').toString('hex')).toMatch(/^1301c02b(?:00ff)?$/);
    expect(Buffer.from(groups, 'latin1').toString('hex')).toBe('00180017');
    expect([sessionId.length, identity]).toEqual([32, '']);
  });

  it('that is broken anywhere gives an opening all the same', () => {
    for (let at = 0; at < hello.length; at++) {
      for (const value of [0, 1, 0x16, 0x7f, 0x80, 0xff]) {
        const broken = Buffer.from(hello);
        broken[at] = value;
        expect(['incomplete', 'plain', 'tls']).toContain(openingOf(broken).kind);
        expect(['incomplete', 'plain', 'tls']).toContain(openingOf(broken.subarray(0, at + 1)).kind);
      }
    }
  });

  it.each([
    ['a record of another kind', '\x16\x03\x01\x00\x02\x01\x00\x17\x03\x03\x00\x01x'],
    ['an empty record', '\x16\x03\x01\x00\x00'],
    ['a record that is too long', '\x16\x03\x01\xff\xff\x01'],
    ['another message', '\x16\x03\x01\x00\x04\x02\x00\x00\x00'],
    ['a message of 16 MB', '\x16\x03\x01\x00\x04\x01\xff\xff\xff'],
    ['the hello of SSL 2', '\x80\x2e\x01\x00\x02'],
  ])('is not looked for behind %s: TLS says what is wrong', (_what, bytes) => {
    expect(openingOf(Buffer.from(bytes, 'latin1'))).toMatchObject({ kind: 'tls', hello: { name: '' } });
  });

  it('does not grow for ever', () => {
    const drip = Buffer.concat(Array(3000).fill(Buffer.from('\x16\x03\x01\x00\x01\x01', 'latin1')));
    expect(openingOf(drip).kind).toBe('tls');
  });

  it.each(['GET / HTTP/1.1\r\n', '\r\n', 'S', '\x00', '\x15'])('is not %j', (bytes) => {
    expect(openingOf(Buffer.from(bytes, 'latin1'))).toEqual({ kind: 'plain' });
  });
});
