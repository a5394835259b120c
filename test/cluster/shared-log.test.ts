// The log that gives all processes one order of events: what one writes all apply, in the kernel's order, across sealed segments too.
import { spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { openMemoryFile } from '../../src/cluster/memory-file.ts';
import {
  KEY_BYTES,
  type LogRecord,
  RECORD_BYTES,
  SEGMENT_BYTES,
  SharedLog,
} from '../../src/cluster/shared-log.ts';

const opened: number[] = [];
afterEach(() => {
  for (const fd of opened.splice(0)) closeSync(fd);
});

function files(): [number, number] {
  const fds = [openMemoryFile('ax+'), openMemoryFile('ax+')];
  if (fds[0] === undefined || fds[1] === undefined) throw new Error('no file');
  opened.push(fds[0], fds[1]);
  return [fds[0], fds[1]];
}

const KEY = 'k'.repeat(KEY_BYTES);

/** A process that follows the log, and answers odd counts with 1, others with 0. */
function follower(fds: readonly [number, number], self: number) {
  const records: LogRecord[] = [];
  const full: number[] = [];
  const switched: number[] = [];
  const log = new SharedLog(fds, self, {
    apply(record) {
      records.push(record);
      return record.count % 2;
    },
    onFull: (segment) => full.push(segment),
    onSwitched: (segment) => switched.push(segment),
  });
  return { log, records, full, switched, texts: () => records.map((r) => `${r.by}:${r.word}:${r.count}`) };
}

describe('the shared log', () => {
  it('is read by all in the order in which it was written, and answers its writer', () => {
    const fds = files();
    const [a, b, c] = [follower(fds, 1), follower(fds, 2), follower(fds, 3)];
    expect(a.log.append(1, KEY, 1)).toBe(1);
    expect(b.log.append(2, KEY, 2)).toBe(0);
    expect(a.log.append(3, KEY, 4_000_000_003)).toBe(1);
    b.log.catchUp();
    c.log.catchUp();
    expect(a.texts()).toEqual(['1:1:1', '2:2:2', '1:3:4000000003']);
    expect(b.records).toEqual(a.records);
    expect(c.records).toEqual(a.records);
    expect(c.records[0].key).toBe(KEY);
    expect(Math.abs(c.records[0].now - performance.now())).toBeLessThan(1000);
    expect(Math.abs(c.records[0].atMs - Number(process.hrtime.bigint() / 1_000_000n))).toBeLessThan(1000);
  });

  it('carries keys of any length up to the longest, a past moment and a small number', () => {
    const a = follower(files(), 1);
    for (const length of [0, 1, 16, KEY_BYTES]) {
      const entry = { word: 7, key: '\xff'.repeat(length), count: 4_294_967_295, extra: 65_535, atMs: 1234 };
      expect(a.log.put(entry)).toBe(1);
      expect(a.records.at(-1)).toMatchObject(entry);
    }
  });

  it('goes on behind a seal, also for those who write without having seen it', () => {
    const fds = files();
    const [a, b, late] = [follower(fds, 1), follower(fds, 2), follower(fds, 3)];
    a.log.append(1, KEY, 1);
    a.log.seal();
    // b has not read that: its record comes to lie behind the seal, and is written again where the others read.
    expect(b.log.append(2, KEY, 3)).toBe(1);
    a.log.append(3, KEY, 5);
    for (const one of [a, b, late]) {
      one.log.catchUp();
      expect(one.texts()).toEqual(['1:1:1', '2:2:3', '1:3:5']);
      expect(one.switched).toEqual([1]);
    }
    // All have left the first file: it is emptied and has the third segment.
    a.log.clearLast();
    expect(fstatSync(fds[0]).size).toBe(0);
    a.log.seal();
    b.log.append(4, KEY, 7);
    late.log.catchUp();
    expect(late.texts().at(-1)).toBe('2:4:7');
    expect(late.log.position).toEqual({ segment: 2, offset: RECORD_BYTES });
  });

  it('lets one join where a state was taken', () => {
    const fds = files();
    const [a, joiner] = [follower(fds, 1), follower(fds, 2)];
    a.log.append(1, KEY, 1);
    a.log.seal();
    a.log.append(2, KEY, 1);
    joiner.log.seek(a.log.position);
    a.log.append(3, KEY, 1);
    joiner.log.catchUp();
    expect(joiner.texts()).toEqual(['1:3:1']);
  });

  it('says once that a segment is full', () => {
    const fds = files();
    const [a, b] = [follower(fds, 1), follower(fds, 2)];
    for (let i = 0; i <= SEGMENT_BYTES / RECORD_BYTES; i++) a.log.append(1, KEY);
    expect(a.full).toEqual([0]);
    b.log.catchUp();
    expect(b.full).toEqual([0]);
    expect(b.records).toHaveLength(SEGMENT_BYTES / RECORD_BYTES + 1);
  });

  it('decides alone where nothing can be written or read', () => {
    const nowhere = openSync('/dev/null', 'r+');
    const full = openSync('/dev/full', 'r+');
    opened.push(nowhere, full);
    for (const fd of [nowhere, full]) {
      const alone = follower([fd, fd], 1);
      expect(alone.log.append(1, KEY, 1)).toBe(1);
      expect(alone.log.append(1, KEY, 2)).toBe(0);
      // /dev/full reads as zeros without end; only what was written counts.
      expect(alone.texts()).toEqual(['1:1:1', '1:1:2']);
    }
  });

  it('loses and tears nothing with several processes that write at once', async () => {
    const fds = files();
    const EACH = 4000;
    const program = `
      import { SharedLog } from ${JSON.stringify(new URL('../../src/cluster/shared-log.ts', import.meta.url).href)};
      const self = Number(process.argv[1]);
      let sum = 0;
      const log = new SharedLog([3, 4], self, { apply: (r) => { sum = (sum * 31 + r.by * 7 + r.count) % 1000003; return 1; }, onFull() {}, onSwitched() {} });
      for (let i = 0; i < ${EACH}; i++) { log.append(1, 'k'.repeat(16), i); if (self === 1 && i === ${EACH / 2}) log.seal(); }
      process.stdin.once('data', () => { log.catchUp(); console.log(sum); process.exit(0); });
      console.log('written');`;
    const children = [1, 2, 3].map((self) =>
      spawn(process.execPath, ['--input-type=module', '-e', program, String(self)], {
        stdio: ['pipe', 'pipe', 'inherit', ...fds],
      }),
    );
    const line = (child: (typeof children)[number]): Promise<string> =>
      new Promise((resolve) => child.stdout?.once('data', (data: Buffer) => resolve(String(data).trim())));
    await Promise.all(children.map(line));
    const sums = children.map(line);
    for (const child of children) child.stdin?.write('\n');
    const seen = await Promise.all(sums);
    const here = follower(fds, 9);
    here.log.catchUp();
    const sum = here.records.reduce((s, r) => (s * 31 + r.by * 7 + r.count) % 1_000_003, 0);
    expect(seen).toEqual([String(sum), String(sum), String(sum)]);
    for (const self of [1, 2, 3]) {
      const counts = here.records.filter((r) => r.by === self).map((r) => r.count);
      expect(counts).toEqual(Array.from({ length: EACH }, (_, i) => i));
    }
  });
});
