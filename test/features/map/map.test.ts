// The `map` block as it is read, in both syntaxes, and what its table finds: the wildcards against the words of nginx's documentation.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLookup } from '../../../src/config/lookup.ts';
import type { Exchange } from '../../../src/exchange/exchange.ts';
import { lowerCase, readHostKey } from '../../../src/features/map/host-key.ts';
import { HostTree } from '../../../src/features/map/host-tree.ts';
import { cpuGrowth, cpuMs, cpuWatch, leastCpuMs } from '../../support/cpu-time.ts';
import { readModel, startProxy } from '../../support/proxy.ts';
import { stubExchange } from '../../support/stub-exchange.ts';
import { exchangeOnce } from '../../support/wire.ts';

const SERVER = 'server { listen 127.0.0.1:0; return 200 "$m"; }';

function problemsOf(http: string): string[] {
  try {
    const { warnings, remove } = readModel(`http {\n${http}\n}`);
    remove();
    return linesOf(warnings);
  } catch (error) {
    return linesOf((error as Error).message);
  }
}

/** An exchange with this query. */
function asking(args: string): Exchange {
  const x = stubExchange();
  x.args = args;
  return x;
}

const linesOf = (text: string): string[] => text.split('\n').filter((line) => /^\S/.test(line));

describe('what is wrong in a map is told with its place', () => {
  it.each([
    [
      'map $host $m {\n a b c; }',
      '3:2: a line of "map" is a value and what it becomes, not 3 words; a text with blanks stands in quotes',
    ],
    ['map $host $m {\n a; }', '3:2: a line of "map" is a value and what it becomes, not 1 word'],
    [
      'map $host $m {\n a b { } }',
      '3:2: "a" has a block: a line of "map" is a value and what it becomes, "a" "b";',
    ],
    ['map $host $m { a 1;\n A 2; }', '3:2: conflicting parameter "a": the first is at line 2; remove one'],
    [
      'map $host $m { default 1;\n default 2; }',
      '3:2: "default" is given twice in this map: the first is at line 2; remove one',
    ],
    [
      'map $host $m { hostnames; .a.b 1;\n *.a.b 2; }',
      '3:2: conflicting parameter "*.a.b": the first is at line 2; remove one',
    ],
    [
      'map $host $m { hostnames; a.b 1;\n .a.b 2; }',
      '3:2: conflicting parameter ".a.b": the first is at line 2; remove one',
    ],
    [
      'map $host $m { hostnames; a.* 1;\n a.* 2; }',
      '3:2: conflicting parameter "a.*": the first is at line 2; remove one',
    ],
    [
      'map $host $m { hostnames;\n a.*.b 1; }',
      '3:2: invalid hostname or wildcard "a.*.b": a * stands only first (*.name) or last (name.*), and no two dots follow each other',
    ],
    ['map $host $m {\n ~( 1; }', '3:2: invalid regular expression: a "(" without its ")", at "("'],
    ['map $host $m {\n a $nothing; }', '3:4: unknown variable "$nothing"'],
    ['map $hots $m { a 1; }', '2:5: unknown variable "$hots"; did you mean "$host"?'],
    ['map $host m { a 1; }', '2:11: "m" is no variable; write $name'],
    [
      'map $host $uri { a 1; } map $host $m { }',
      '2:11: "$uri" is a built-in variable and cannot be set; choose another name',
    ],
    [
      'map $host { a 1; } map $host $m { }',
      '2:1: "map" takes 2 arguments, not 1: map string $variable { … }',
    ],
    [
      'server { listen 80;\n map $host $n { } } map $host $m { }',
      '3:2: "map" is not allowed in server; it goes in http',
    ],
    [
      'map $host $m { }\nmap $host $M { }',
      '3:11: warning: "$M" is defined twice: that at nginx.conf:2:11 has no effect; remove one',
    ],
    [
      'map $host $m { }\nmap $host $n { ~(?<m>.) x; }',
      '3:16: warning: the named capture "m" takes the place of the map at nginx.conf:2:11',
    ],
  ])('%s', (text, problem) => {
    const [first] = problemsOf(`${text} ${SERVER}`);
    expect(first).toBe(`nginx.conf:${problem}`);
  });

  it('and nothing is where there is nothing', () => {
    expect(
      problemsOf(
        `map $host$uri $m { volatile; hostnames; default $M2; \\default x; } map $m $m2 { } ${SERVER}`,
      ),
    ).toEqual([]);
  });
});

describe('in JSON', () => {
  it('the key has what is looked up and the variable, the block has the lines', async () => {
    const config = {
      map: {
        '$http_upgrade $connection_upgrade': { default: 'upgrade', '': 'close' },
        '"$arg_a $arg_b" $m': {
          hostnames: true,
          volatile: false,
          '*.b x': 'wild',
          '~^r (.)': 're $1',
          'a b': 7,
          '\\default ': '"quoted"',
        },
        '$arg_b $all': { volatile: true, default: 'all' },
      },
      servers: [{ listen: '127.0.0.1:0', return: [200, '[$connection_upgrade|$m|$all]'] }],
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
      expect(await ask('a=a&b=b')).toBe('[close|7|all]');
      expect(await ask('a=r&b=x', 'Upgrade: websocket\r\n')).toBe('[upgrade|re x|all]');
      expect(await ask('a=c.b&b=x')).toBe('[close|wild|all]');
    } finally {
      await proxy.close();
    }
  });

  it.each([
    ['{ "$host $m": { "a": true } }', '1:29: "a" cannot be true; it is: value'],
    ['{ "$host $m": { "a": null } }', '1:29: "a" cannot be null: leave the key out, or give it a value'],
    [
      '{ "$host $m": { "a": ["b", "c"] } }',
      '1:24: a line of "map" is a value and what it becomes, not 3 words; a text with blanks stands in quotes',
    ],
    ['{ "$host": { } }', '1:10: "map" takes 2 arguments, not 1: map string $variable { … }'],
    ['{ "$host $m": "x" }', '1:22: "$host $m": an object, { … }, is expected here, not "x"'],
  ])('%s is refused', (map, problem) => {
    expect(() => readModel(`{"map":${map}, "servers": [{ "listen": 80 }] }`)).toThrow(
      `lbproxy.json:${problem}`,
    );
  });
});

describe('lines of another file', () => {
  it('stand where it is included, and a JSON file has them as an object', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'lbproxy-map-'));
    writeFileSync(join(dir, 'part.map'), 'one 1;\n"two words" 2;\n');
    writeFileSync(join(dir, 'more.json'), '{ "three": 3, "": "nothing" }');
    const proxy = await startProxy(
      `http { map $arg_a $m { default 0; include ${dir}/*.map; include ${dir}/more.json; } ${SERVER} }`,
    );
    try {
      const ask = async (a: string): Promise<string> =>
        (await exchangeOnce(proxy.port, `GET /?a=${a} HTTP/1.0\r\n\r\n`)).body;
      expect([await ask('one'), await ask('three'), await ask(''), await ask('x')]).toEqual([
        '1',
        '3',
        'nothing',
        '0',
      ]);
    } finally {
      await proxy.close();
      rmSync(dir, { recursive: true });
    }
  });

  it('may be a hundred thousand, in a time that goes with their number', async () => {
    const timed = (count: number): number => {
      const dir = mkdtempSync(join(tmpdir(), 'lbproxy-map-'));
      writeFileSync(
        join(dir, 'many.map'),
        Array.from({ length: count }, (_, i) => `key-${i} value-${i % 50};\n`).join(''),
      );
      const spentMs = cpuWatch();
      const { model, remove } = readModel(`http { map $arg_a $m { include ${dir}/many.map; } ${SERVER} }`);
      const get = createLookup(model.variables, () => {})('m');
      expect(get?.(asking(`a=KEY-${count - 1}`))).toBe(`value-${(count - 1) % 50}`);
      const tookMs = spentMs();
      remove();
      rmSync(dir, { recursive: true });
      return tookMs;
    };
    const times = await cpuGrowth(
      () => timed(10_000),
      () => timed(100_000),
      40,
    );
    expect(times).toBeLessThan(40);
  }, 60_000);
});

describe('names with wildcards', () => {
  const label = fc.constantFrom('a', 'b', 'ab', 'www', '-');
  const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
  const subject = fc
    .array(fc.constantFrom('a', 'b', 'ab', 'www', '', 'x'), { maxLength: 6 })
    .map((labels) => labels.join('.'));

  it('the longest one at the end counts, else the longest one at the beginning', () => {
    const lists = fc.tuple(
      fc.uniqueArray(name),
      fc.uniqueArray(name),
      fc.uniqueArray(name),
      fc.array(subject),
    );
    fc.assert(
      fc.property(lists, ([below, itselfToo, begins, subjects]) => {
        const tree = new HostTree<string>();
        const domains = itselfToo.filter((n) => !below.includes(n));
        for (const n of below) tree.addSuffix(n, `*.${n}`, false);
        for (const n of domains) tree.addSuffix(n, `.${n}`, true);
        for (const n of begins) tree.addPrefix(n, `${n}.*`);
        const longest = (names: readonly string[]): string | undefined =>
          names.toSorted((a, b) => b.length - a.length)[0];
        for (const s of subjects) {
          const suffixes = [
            ...below.filter((n) => s.endsWith(`.${n}`)).map((n) => `*.${n}`),
            ...domains.filter((n) => s === n || s.endsWith(`.${n}`)).map((n) => `.${n}`),
          ].toSorted((a, b) => b.replace('*', '').length - a.replace('*', '').length);
          const expected =
            suffixes[0] ?? longest(begins.filter((n) => s.startsWith(`${n}.`)).map((n) => `${n}.*`));
          expect(tree.find(s)).toBe(expected);
        }
      }),
    );
  });

  it('are told from names', () => {
    expect(readHostKey('a.b')).toEqual({ kind: 'exact', name: 'a.b' });
    expect(readHostKey('.')).toEqual({ kind: 'exact', name: '.' });
    expect(readHostKey('')).toEqual({ kind: 'exact', name: '' });
    expect(readHostKey('.b')).toEqual({ kind: 'domain', name: 'b' });
    expect(readHostKey('*.b')).toEqual({ kind: 'suffix', name: 'b' });
    expect(readHostKey('a.*')).toEqual({ kind: 'prefix', name: 'a' });
    for (const key of ['*', '*.', 'a*', 'a.*.b', '*.*', '*.a.*', 'a..b', '..a'])
      expect(readHostKey(key)).toBeUndefined();
  });

  it('a very long one costs as many steps as labels are known', async () => {
    const tree = new HostTree<number>();
    tree.addSuffix('a.a', 1, false);
    const long = 'a.'.repeat(200_000);
    const find = (): void => {
      for (let i = 0; i < 1000; i++) tree.find(long);
    };
    expect(await leastCpuMs(() => cpuMs(find), 500)).toBeLessThan(500);
  });

  it('have no case in ASCII, and bytes beyond it stay', () => {
    expect(lowerCase('AbZ\u00c9')).toBe('abz\u00c9');
    expect(lowerCase('AbZ-[')).toBe('abz-[');
  });
});

/** The getter of a variable of these definitions, and what was reported. */
function getterIn(http: string, name: string) {
  const { model, remove } = readModel(`http { ${http} server { listen 80; } }`);
  remove();
  const told: string[] = [];
  const get = createLookup(model.variables, (_x, message) => told.push(message))(name);
  if (get === undefined) throw new Error(`no $${name}`);
  return { get, told };
}

describe('definitions that need each other', () => {
  it('in a circle: what is left of the value, and a line', () => {
    const { get, told } = getterIn('map $arg_a $m { default "x$m"; }', 'm');
    const x = asking('');
    expect(get(x)).toBe('x'.repeat(100));
    expect(told).toEqual(['cycle while evaluating variable "m"']);
    expect(get(x)).toBe('x'.repeat(100));
    expect(told.length).toBe(1);
  });

  it('twice at each turn of the circle: in no time, whether they keep their value or not', async () => {
    for (const volatile of ['', 'volatile;']) {
      const { get, told } = getterIn(
        `map $arg_a $m { ${volatile} default "x$m$n"; } map $arg_b $n { ${volatile} default "y$m$n"; }`,
        'm',
      );
      const read = (): void => expect((get(asking('')) ?? '').length).toBeLessThan(4 << 20);
      expect(await leastCpuMs(() => cpuMs(read), 1000)).toBeLessThan(1000);
      expect(told[0]).toMatch(/^cycle while evaluating variable "[mn]"$/);
    }
  });

  it('a hundred deep are no circle', () => {
    const chain = Array.from(
      { length: 99 },
      (_, i) => `map $m${i + 1} $m${i} { default "$m${i + 1}."; }`,
    ).join(' ');
    const { get, told } = getterIn(`${chain} map x $m99 { default end; }`, 'm0');
    expect(get(asking(''))).toBe(`end${'.'.repeat(99)}`);
    expect(told).toEqual([]);
  });

  it('$1 on the left of a map with captures stays what it was, where nginx gives that of the map or none at all', async () => {
    const proxy = await startProxy(
      'http { map $arg_a $m { ~^(.*)$ map; } server { listen 127.0.0.1:0; location ~ ^/(.*)$ { return 200 "$1 $m $1"; } } }',
    );
    try {
      expect((await exchangeOnce(proxy.port, 'GET /of-location?a=of-map HTTP/1.0\r\n\r\n')).body).toBe(
        'of-location map of-map',
      );
    } finally {
      await proxy.close();
    }
  });
});

describe('what logs show of a variable without a value', () => {
  it.each([
    ['set $never x;', '[]'],
    ['if ($arg_z ~ (?<never>z)) { }', '[-]'],
  ])('%s', async (line, shown) => {
    const dir = mkdtempSync(join(tmpdir(), 'lbproxy-map-'));
    const proxy = await startProxy(
      `http { log_format f '[$never]'; server { listen 127.0.0.1:0; access_log ${dir}/log f; location /x { ${line} } location / { return 200 x; } } }`,
    );
    await exchangeOnce(proxy.port, 'GET / HTTP/1.0\r\n\r\n');
    await proxy.close();
    expect(readFileSync(join(dir, 'log'), 'utf8')).toBe(`${shown}\n`);
    rmSync(dir, { recursive: true });
  });
});
