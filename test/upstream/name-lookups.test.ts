// Host names that requests bring: looked up a bounded number at once and for a bounded time, and none of them holds up another.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askSystem, NameLookups, readHosts } from '../../src/upstream/name-lookups.ts';
import { type DnsServer, startDnsServer } from '../support/dns-server.ts';

type Found = readonly [addresses: readonly string[], why: string];

const find = (lookups: NameLookups, name: string, limitMs = 5000): Promise<Found> =>
  new Promise((resolve) => lookups.find(name, limitMs, (addresses, why) => resolve([addresses, why])));

/** Answers when the test says so. */
class Names {
  readonly asked: string[] = [];
  readonly #answers = new Map<string, (addresses: readonly string[]) => void>();

  readonly ask = (name: string): Promise<readonly string[]> => {
    this.asked.push(name);
    return new Promise((resolve) => this.#answers.set(name, resolve));
  };

  answer(name: string, address: string): void {
    this.#answers.get(name)?.([address]);
  }
}

describe('look-ups of names that requests bring', () => {
  it('are one for all who ask for the same name meanwhile', async () => {
    const names = new Names();
    const lookups = new NameLookups(names.ask);
    const all = Promise.all(Array.from({ length: 50 }, () => find(lookups, 'a.test')));
    names.answer('a.test', '192.0.2.1');
    expect(await all).toEqual(Array.from({ length: 50 }, () => [['192.0.2.1'], '']));
    expect(names.asked).toEqual(['a.test']);
    const again = find(lookups, 'a.test');
    names.answer('a.test', '192.0.2.2');
    expect(await again).toEqual([['192.0.2.2'], '']);
  });

  it('are bounded in number, and those beyond know at once', async () => {
    const names = new Names();
    const lookups = new NameLookups(names.ask);
    const all = Array.from({ length: 300 }, (_, i) => find(lookups, `n${i}.test`, 60_000));
    const refused = await Promise.all(all.slice(256));
    expect(refused[0]).toEqual([[], '"n256.test" was not looked up: 256 other names of requests are']);
    expect(names.asked).toHaveLength(256);
    for (const name of names.asked) names.answer(name, '192.0.2.1');
    await Promise.all(all);
    expect(names.asked).toHaveLength(256);
    const later = find(lookups, 'n299.test');
    names.answer('n299.test', '192.0.2.9');
    expect(await later).toEqual([['192.0.2.9'], '']);
  });

  it('are bounded in time; who asks for such a name again knows at once, until it has an answer', async () => {
    const names = new Names();
    const lookups = new NameLookups(names.ask);
    const late = (ms: number) => [
      [],
      `the host name "a.test" was not resolved within resolver_timeout (${ms} ms)`,
    ];
    const from = performance.now();
    expect(await find(lookups, 'a.test', 100)).toEqual(late(100));
    expect(performance.now() - from).toBeGreaterThan(95);
    expect(performance.now() - from).toBeLessThan(10_000);
    // At once: a test has no such time.
    expect(await find(lookups, 'a.test', 3_600_000)).toEqual(late(3_600_000));
    expect(names.asked).toEqual(['a.test']);
    names.answer('a.test', '192.0.2.1');
    await new Promise((resolve) => setImmediate(resolve));
    const third = find(lookups, 'a.test', 100);
    names.answer('a.test', '192.0.2.3');
    expect(await third).toEqual([['192.0.2.3'], '']);
  });

  it('say why there is no address', async () => {
    const lookups = new NameLookups(() =>
      Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' })),
    );
    expect(await find(lookups, 'a.test')).toEqual([
      [],
      'the host name "a.test" does not resolve (ENOTFOUND)',
    ]);
  });
});

describe('the system', () => {
  let dns: DnsServer;
  beforeEach(async () => {
    dns = await startDnsServer({ 'good.test': '192.0.2.7' });
  });
  afterEach(() => dns.close());

  it('finds a name beside many whose servers do not answer', async () => {
    const lookups = new NameLookups((name) => askSystem(name, [dns.address]));
    const slow = Array.from({ length: 40 }, (_, i) => find(lookups, `slow${i}.test`, 2500));
    await expect.poll(() => dns.asked.length).toBeGreaterThan(40);
    let ended = 0;
    for (const one of slow) void one.then(() => ended++);
    expect(await find(lookups, 'good.test')).toEqual([['192.0.2.7'], '']);
    expect(ended).toBe(0);
    expect((await Promise.all(slow)).every(([addresses]) => addresses.length === 0)).toBe(true);
  });

  it('is asked for what the DNS does not know, and has the names of its hosts file', async () => {
    await expect(askSystem('no-such-name.invalid', [dns.address])).rejects.toMatchObject({
      syscall: 'getaddrinfo',
    });
    expect(dns.asked).toContain('no-such-name.invalid');
    expect(await askSystem('localhost', [dns.address])).toContain('127.0.0.1');
    expect(dns.asked).not.toContain('localhost');
  });

  it('has several names and addresses in a line or in several of its hosts file', () => {
    expect(
      readHosts('127.0.0.1\tlocalhost a a # b c\n::1 localhost\n# 1 x\n\n  10.0.0.1 B\r\nno-address a\n'),
    ).toEqual(
      new Map([
        ['localhost', ['127.0.0.1', '::1']],
        ['a', ['127.0.0.1']],
        ['b', ['10.0.0.1']],
      ]),
    );
  });
});
