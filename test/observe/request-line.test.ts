// Request lines on a terminal: aligned whatever the letters, never wider than the window, obeyed by no terminal.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { type RequestFacts, requestLine } from '../../src/observe/request-line.ts';
import { RequestTally } from '../../src/observe/request-tally.ts';
import { cutEnd, cutMiddle, loadWidths, padEnd, textWidth } from '../../src/observe/text-width.ts';

beforeAll(loadWidths);

const FACTS: RequestFacts = {
  time: new Date(2026, 0, 2, 13, 23, 2),
  method: 'GET',
  target: '/api/users?page=2',
  status: 200,
  ms: 12.4,
  peer: '127.0.0.1:3001',
  attempts: 1,
  cause: '',
};

const bytes = (text: string): string => Buffer.from(text).toString('latin1');

function line(facts: Partial<RequestFacts>, columns: number | null = 80, colours = false): string {
  return requestLine({ ...FACTS, ...facts }, { columns, colours });
}

/** The column where the status begins. */
function statusColumn(text: string, status: string): number {
  return textWidth(text.slice(0, text.indexOf(` ${status} `)));
}

describe('a request line', () => {
  it('tells when, what, how it ended, how long it took, and who answered', () => {
    expect(line({})).toBe('13:23:02 GET     /api/users?page=2            200    12 ms  :3001');
  });

  it('names the cause and the attempts of what failed', () => {
    const text = line({ status: 502, attempts: 2, cause: 'connect_refused' }, 100);
    expect(text).toContain(' 502    12 ms  :3001 ×2 connect_refused');
    // Also of what another peer answered in the end.
    expect(line({ attempts: 2, cause: 'connect_refused' }, null)).toContain(
      '200    12 ms  :3001 ×2 connect_refused',
    );
  });

  it.each([
    '/short',
    '/你好/世界',
    '/emoji/👩‍👩‍👧‍👦/x',
    '/é',
    `/${'x'.repeat(300)}`,
    `/${'长'.repeat(100)}`,
    '/%E4%BD%A0%E5%A5%BD',
    '/한글',
  ])('is aligned with %s', (target) => {
    const text = line({ target: bytes(target) });
    expect(statusColumn(text, '200')).toBe(statusColumn(line({}), '200'));
    expect(textWidth(text)).toBeLessThanOrEqual(80);
  });

  it('shows letters as a browser does, and leaves other escapes', () => {
    expect(line({ target: '/%E4%BD%A0%2F%20%ff' })).toContain(' /你%2F%20%ff ');
  });

  it('cuts a long path in its middle, on a terminal only', () => {
    const target = `/first/${'x'.repeat(80)}/last`;
    expect(line({ target })).toMatch(/ \/first\/x+…x+\/last /);
    expect(line({ target }, null)).toContain(` ${target} `);
  });

  it('has colours where they are wanted', () => {
    expect(line({}, null)).not.toContain('\x1b');
    expect(line({ status: 500 }, 80, true)).toContain('\x1b[31m500\x1b[39m');
    expect(stripVTControlCharacters(line({}, 80, true))).toBe(line({}));
  });

  it('fits any window, and holds nothing that a terminal obeys', () => {
    const text = fc.string({ unit: 'binary', maxLength: 60 });
    fc.assert(
      fc.property(text, text, text, fc.integer({ min: 46, max: 200 }), (target, peer, method, columns) => {
        const shown = line(
          { target: bytes(target), peer, method, cause: 'connect_refused', attempts: 3 },
          columns,
        );
        expect(textWidth(shown)).toBeLessThanOrEqual(columns);
        expect(shown).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
      }),
    );
  });

  it.each([
    [0.04, '0.0 ms'],
    [9.94, '9.9 ms'],
    [9.96, '10 ms'],
    [9999, '9999 ms'],
    [12_345, '12.3 s'],
    [123_456, '123 s'],
  ])('%d ms are %s', (ms, text) => {
    expect(line({ ms })).toContain(`${text.padStart(8)}  :3001`);
  });
});

describe('the log of request lines', () => {
  /** What a line is where stdout is a terminal of so many columns. */
  function onTerminal(columns: number, env: Readonly<Record<string, string>> = {}): string {
    const log = fileURLToPath(new URL('../../src/observe/request-lines.ts', import.meta.url));
    const stub = fileURLToPath(new URL('../support/stub-exchange.ts', import.meta.url));
    const script = `const { createRequestLines } = await import('${log}');
const { stubExchange } = await import('${stub}');
const x = stubExchange('GET /${'p'.repeat(200)} HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n');
x.status = 200;
createRequestLines('stdout', (line) => process.stdout.write(Buffer.from(line, 'latin1')))(x);`;
    const python = `import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack('HHHH', 24, ${columns}, 0, 0))
    os.execv(sys.argv[1], sys.argv[1:])
out = b''
while True:
    try:
        part = os.read(fd, 65536)
    except OSError:
        break
    if not part:
        break
    out += part
sys.stdout.buffer.write(out)`;
    const node = [process.execPath, '--input-type=module', '-e', script];
    const { NO_COLOR: _, ...own } = process.env;
    return execFileSync('/usr/bin/python3', ['-c', python, ...node], {
      encoding: 'utf8',
      env: { ...own, TERM: 'xterm-256color', ...env },
    }).trimEnd();
  }

  it('is as wide as its terminal, and coloured', () => {
    const shown = onTerminal(72);
    expect(shown).toContain('\x1b[32m200\x1b[39m');
    expect(shown).toContain('…');
    expect(textWidth(stripVTControlCharacters(shown))).toBeLessThanOrEqual(72);
  });

  it('is coloured in a CI that shows terminals too', () => {
    expect(onTerminal(72, { CI: '1' })).toContain('\x1b[32m200\x1b[39m');
  });

  it('heeds NO_COLOR', () => {
    expect(onTerminal(72, { NO_COLOR: '1' })).not.toContain('\x1b');
  });
});

describe('texts on a terminal', () => {
  it('letters are never cut in two', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', '你', '👩‍👩‍👧‍👦', 'é', '🇩🇪') }),
        fc.integer({ min: 0, max: 30 }),
        (text, columns) => {
          for (const cut of [cutMiddle(text, columns), cutEnd(text, columns)]) {
            expect(textWidth(cut)).toBeLessThanOrEqual(columns);
            const left = cut.split('…')[0] ?? '';
            expect(text.startsWith(left)).toBe(true);
            expect(textWidth(left) + textWidth(text.slice(left.length))).toBe(textWidth(text));
          }
          expect(textWidth(padEnd(cutMiddle(text, columns), columns))).toBe(columns);
        },
      ),
    );
  });
});

describe('the summary', () => {
  function tally(...requests: readonly (readonly [string, number, number])[]): RequestTally {
    const one = new RequestTally();
    for (const [target, status, ms] of requests) one.add({ method: 'GET', target, status, ms });
    return one;
  }

  it('counts, and names the slowest paths', () => {
    const lines = tally(['/a?x=1', 200, 10], ['/a?x=2', 200, 30], ['/b', 502, 1]).summary();
    expect(lines[0]).toMatch(/^3 requests: 2 × 200, 1 × 502; half in \d+ ms, 95 % in \d+ ms$/);
    expect(lines.slice(1)).toEqual(['slowest:', '   30 ms  GET /a (of 2)', '  1.0 ms  GET /b']);
  });

  it('is that of all acceptors together', () => {
    const all = new RequestTally();
    all.join(tally(['/a', 200, 10], ['/b', 200, 20]).counts());
    all.join(JSON.parse(JSON.stringify(tally(['/a', 404, 40]).counts())));
    expect(all.requests).toBe(3);
    expect(all.summary()[2]).toBe('  40 ms  GET /a (of 2)');
  });

  it('has percentiles within a tenth', () => {
    const one = new RequestTally();
    for (let ms = 1; ms <= 1000; ms++) one.add({ method: 'GET', target: '/', status: 200, ms });
    for (const [share, ms] of [
      [0.5, 500],
      [0.95, 950],
      [1, 1000],
    ] as const)
      expect(Math.abs(one.percentile(share) - ms)).toBeLessThan(ms / 10);
  });

  it('leaves out how long tunnels were open, and says nothing of nothing', () => {
    expect(tally(['/ws', 101, 60_000], ['/', 200, 5]).summary().join()).not.toContain('/ws');
    expect(tally(['/ws', 101, 60_000]).summary()).toEqual(['requests: 1 × 101']);
    expect(tally().summary()).toEqual([]);
  });

  it('keeps the slowest of very many paths, in bounded memory', () => {
    const one = new RequestTally();
    one.add({ method: 'GET', target: '/slow', status: 200, ms: 5000 });
    for (let i = 0; i < 5000; i++) one.add({ method: 'GET', target: `/${i}`, status: 200, ms: 1 });
    expect(one.summary()[2]).toBe('  5000 ms  GET /slow');
    expect(one.counts().slowest).toHaveLength(5);
  });

  it('shows no control characters of paths', () => {
    expect(tally(['/\x1b[31m', 200, 1]).summary().join()).not.toContain('\x1b');
  });
});
