// The `geo` block as it is read, in both syntaxes, its look-ups against a list that is gone through, and what they cost.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLookup } from '../../../src/config/lookup.ts';
import { layOut } from '../../../src/features/geo/address-parts.ts';
import { Ipv4Table, Ipv6Table } from '../../../src/features/geo/address-table.ts';
import { IpAddress, readIpv4, readNetwork } from '../../../src/shared/ip-address.ts';
import { cpuGrowth, cpuMs, cpuWatch, leastCpuMs } from '../../support/cpu-time.ts';
import { readModel, startProxy } from '../../support/proxy.ts';
import { stubExchange } from '../../support/stub-exchange.ts';
import { exchangeOnce } from '../../support/wire.ts';

const dotted = (n: number): string => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255].join('.');

describe('look-ups', () => {
  const bits = fc.constantFrom(0, 1, 8, 9, 15, 16, 24, 30, 31, 32);
  const v4 = fc.tuple(fc.nat(0xffff_fffe), bits).map(([n, prefix]) => `${dotted(n)}/${prefix}`);
  const group = fc.constantFrom('0', '1', 'db8', 'ffff');
  const v6 = fc
    .tuple(fc.array(group, { minLength: 1, maxLength: 6 }), fc.constantFrom(0, 1, 16, 17, 64, 112, 127, 128))
    .map(([groups, prefix]) => `${groups.join(':')}::/${prefix}`);

  it.each([
    [4, v4],
    [6, v6],
  ] as const)('the smallest network of IPv%i counts', (family, texts) => {
    fc.assert(
      fc.property(
        fc.uniqueArray(texts, { maxLength: 30 }),
        fc.array(fc.tuple(fc.nat(100), fc.constantFrom(-1n, 0n, 1n))),
        (given, near) => {
          const known = new Map(
            given.map((text) => {
              const network = readNetwork(text);
              if (network === undefined) throw new Error(`no network: ${text}`);
              return [`${network.first}/${network.prefix}`, network] as const;
            }),
          );
          const networks = [...known.values()];
          const parts = layOut(
            networks.map(({ first, last }, i) => ({ first, last, value: i + 1 })),
            0,
            family,
          );
          const max = family === 4 ? 0xffff_ffffn : (1n << 128n) - 1n;
          const edges = networks.flatMap(({ first, last }) => [first, last]).concat(0n, max);
          for (const [i, step] of near) {
            const address = edges[i % edges.length] + step;
            if (address < 0n || address > max) continue;
            let expected = 0;
            for (const [n, { first, last, prefix }] of networks.entries()) {
              if (
                address >= first &&
                address <= last &&
                (expected === 0 || prefix > networks[expected - 1].prefix)
              )
                expected = n + 1;
            }
            expect(find(family, parts, address)).toBe(expected);
          }
        },
      ),
    );
  });

  function find(family: 4 | 6, parts: ReturnType<typeof layOut>, address: bigint): number {
    if (family === 4) return new Ipv4Table(parts).find(Number(address));
    const ip = new IpAddress();
    ip.groups.set(Array.from({ length: 8 }, (_, g) => Number((address >> BigInt(112 - g * 16)) & 0xffffn)));
    return new Ipv6Table(parts).find(ip);
  }

  it('in a hundred thousand networks take well below a microsecond, and those are read in a time that goes with their number', async () => {
    let table = new Ipv4Table(layOut([], 0, 4));
    const timed = (count: number): number => {
      const dir = mkdtempSync(join(tmpdir(), 'lbproxy-geo-'));
      const lines = Array.from(
        { length: count },
        (_, i) => `${dotted((i * 40_503 * 256) >>> 0)}/24 country-${i % 200};`,
      );
      writeFileSync(join(dir, 'countries'), lines.join('\n'));
      const spentMs = cpuWatch();
      const { model, remove } = readModel(
        `http { geo $country { default none; include ${dir}/countries; } server { listen 80; } }`,
      );
      const get = createLookup(model.variables, () => {})('country');
      get?.(stubExchange());
      const readMs = spentMs();
      remove();
      rmSync(dir, { recursive: true });
      const [definition] = model.variables;
      if (definition.kind !== 'geo') throw new Error('no geo');
      table = new Ipv4Table(definition.definition.v4);
      return readMs;
    };
    const times = await cpuGrowth(
      () => timed(10_000),
      () => timed(100_000),
      40,
    );
    expect(times).toBeLessThan(40);
    const LOOK_UPS = 100_000;
    let sum = 0;
    const lookUp = (): void => {
      for (let i = 0; i < LOOK_UPS; i++) sum += table.find((i * 2_654_435_761) >>> 0);
    };
    timed(LOOK_UPS);
    expect((await leastCpuMs(() => cpuMs(lookUp), LOOK_UPS / 1000)) / (LOOK_UPS / 1000)).toBeLessThan(1);
    expect(sum).toBeGreaterThan(0);
  }, 60_000);

  it('ranges that begin everywhere in one piece are read in a time that goes with their number', async () => {
    const timed = (count: number): number => {
      const lines = Array.from({ length: count }, (_, i) => {
        const at = 0x0a00_0000 + ((i * 40_503) & 0x7fff) * 2;
        return `${dotted(at)}-${dotted(at)} v;`;
      });
      const text = `http { geo $g { ranges; ${lines.join('\n')} } server { listen 80; } }`;
      return cpuMs(() => readModel(text).remove());
    };
    const times = await cpuGrowth(
      () => timed(3000),
      () => timed(30_000),
      40,
    );
    expect(times).toBeLessThan(40);
  });
});

describe('addresses', () => {
  it('are read as nginx reads them', () => {
    expect(readIpv4('10.0.0.1', 0, 8)).toBe(0x0a00_0001);
    expect(readIpv4('255.255.255.255', 0, 15)).toBe(-1);
    expect(readIpv4('1..2.3', 0, 6)).toBe(0x0100_0203);
    const ip = new IpAddress();
    const seen = (text: string): unknown =>
      ip.readWithPort(text)
        ? [ip.family, ip.family === 4 ? dotted(ip.v4) : Buffer.from(ip.groups).length]
        : null;
    expect(seen('::ffff:1.2.3.4')).toEqual([4, '1.2.3.4']);
    expect(seen('[::ffff:102:304]:80')).toEqual([4, '1.2.3.4']);
    expect(seen('::1')).toEqual([6, 8]);
    expect(seen('1.2.3.4:0')).toBeNull();
    ip.readClient('fe80::1%eth0');
    expect(ip.family).toBe(6);
    ip.readClient('unix:');
    expect(ip.family).toBe(0);
  });

  it('of any text are read without a throw', () => {
    const ip = new IpAddress();
    const character = fc.constantFrom(':', '.', '1', '0', 'f', '[', ']', '%', 'x', '/');
    fc.assert(
      fc.property(fc.array(character, { maxLength: 40 }), (characters) => {
        const text = characters.join('');
        ip.readWithPort(text);
        ip.readClient(text);
        readNetwork(text);
        expect([0, 4, 6]).toContain(ip.family);
      }),
    );
  });
});

const linesOf = (text: string): string[] => text.split('\n').filter((line) => /^\S/.test(line));

function problemsOf(block: string): string[] {
  try {
    const { warnings, remove } = readModel(`http {\n${block}\nserver { listen 80; } }`);
    remove();
    return linesOf(warnings);
  } catch (error) {
    return linesOf((error as Error).message);
  }
}

describe('what is wrong in a geo is told with its place', () => {
  it.each([
    [
      'geo $g {\n 10.0.0.0/33 a; }',
      '3:2: invalid network "10.0.0.0/33"; write 10.0.0.0/8, 2001:db8::/32 or an address',
    ],
    ['geo $g {\n delete x; }', '3:9: invalid network "x"; write 10.0.0.0/8, 2001:db8::/32 or an address'],
    ['geo $g {\n proxy x; }', '3:8: invalid network "x"; write 10.0.0.0/8, 2001:db8::/32 or an address'],
    ['geo $g {\n 10.0.0.1/8 a; }', '3:2: warning: low address bits of 10.0.0.1/8 are meaningless'],
    [
      'geo $g { 10.0.0.0/8 a;\n 10.0.0.0/8 b; }',
      '3:2: warning: duplicate network "10.0.0.0/8", value: "b", old value: "a"',
    ],
    [
      'geo $g { default a;\n default b; }',
      '3:2: warning: duplicate network "default", value: "b", old value: "a"',
    ],
    ['geo $g {\n delete 10.0.0.0/8; }', '3:9: warning: no network "10.0.0.0/8" to delete'],
    [
      'geo $g { ranges; default a;\n default b; }',
      '3:2: warning: duplicate default geo range value: "b", old value: "a"',
    ],
    [
      'geo $g { ranges; 1.1.1.1-1.1.1.2 a;\n 1.1.1.1-1.1.1.2 b; }',
      '3:2: warning: duplicate range "1.1.1.1-1.1.1.2": the value before has no effect',
    ],
    [
      'geo $g { ranges;\n delete 1.1.1.1-1.1.1.2; }',
      '3:9: warning: no address range "1.1.1.1-1.1.1.2" to delete',
    ],
    [
      'geo $g { ranges;\n 1.1.1.2-1.1.1.1 a; }',
      '3:2: invalid range "1.1.1.2-1.1.1.1"; its first address comes behind its last',
    ],
    ['geo $g { ranges;\n 1.1.1.0/24 a; }', '3:2: invalid range "1.1.1.0/24"; write 10.0.0.1-10.0.0.9'],
    [
      'geo $g { ranges; 1.1.1.1-1.1.1.5 a;\n 1.1.1.3-1.1.1.9 b; }',
      '3:2: range "1.1.1.3-1.1.1.9" overlaps "1.1.1.1-1.1.1.5": a range lies in another one or apart from it',
    ],
    [
      'geo $g { default a;\n ranges; }',
      '3:2: "ranges" must stand before all networks; move it to the top of the block',
    ],
    ['geo $g {\n 10.0.0.0/8; }', '3:2: a line of "geo" is a network and its value, not 1 word'],
    [
      'geo $g {\n 10.0.0.0/8 { } }',
      '3:2: "10.0.0.0/8" has a block: a line of "geo" is a network and its value, 10.0.0.0/8 "a";',
    ],
    ['geo $rmote_addr $g { }', '2:5: unknown variable "$rmote_addr"; did you mean "$remote_addr"?'],
    ['geo x$remote_addr $g { }', '2:5: "x$remote_addr" is no variable; write geo $address $variable { … }'],
  ])('%s', (block, problem) => {
    expect(problemsOf(block)).toEqual([`nginx.conf:${problem}`]);
  });
});

describe('in JSON', () => {
  it('the key has the variables, the block has the networks', async () => {
    const config = {
      geo: {
        $g: {
          default: 'none',
          '127.0.0.0/8': 'local',
          proxy: ['127.0.0.1', '::1'],
          proxy_recursive: true,
          '192.0.2.0/24': 1,
          delete: '10.0.0.0/8',
          '10.0.0.0/8': 2,
        },
        '$arg_a $r': { ranges: true, default: 'no', '10.0.0.1-10.0.0.9': 'two words' },
      },
      split_clients: { '"$arg_a $arg_b" $s': { '100%': 'all', '*': '' } },
      servers: [{ listen: '127.0.0.1:0', return: [200, '$g|$r|$s'] }],
    };
    const proxy = await startProxy(JSON.stringify(config));
    try {
      const ask = async (args: string, line = ''): Promise<string> =>
        (
          await exchangeOnce(
            proxy.port,
            `GET /?${args} HTTP/1.1\r\nHost: a\r\n${line}Connection: close\r\n\r\n`,
          )
        ).body;
      expect(await ask('a=10.0.0.5')).toBe('local|two words|all');
      expect(await ask('a=x', 'X-Forwarded-For: 192.0.2.9, 127.0.0.1\r\n')).toBe('1|no|all');
      expect(await ask('a=x', 'X-Forwarded-For: 10.9.9.9\r\n')).toBe('2|no|all');
    } finally {
      await proxy.close();
    }
  });
});

describe('volatile', () => {
  it.each([
    ['', 'one one'],
    ['volatile;', 'one two'],
  ])('%j: the value before and after its address changes is %s', async (word, found) => {
    const proxy = await startProxy(
      `http { geo $arg_ip $is { ${word} 192.0.2.1 one; 192.0.2.2 two; } server { listen 127.0.0.1:0;
        set $before $is; set $args ip=192.0.2.2; return 200 "$before $is"; } }`,
    );
    try {
      const request = 'GET /?ip=192.0.2.1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
      expect((await exchangeOnce(proxy.port, request)).body).toBe(found);
    } finally {
      await proxy.close();
    }
  });
});
