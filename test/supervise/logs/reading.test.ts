// Reading logs as Supervisor's readFile and tailFile do, compared with them; and following a log over rotations.
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { followLog } from '../../../src/supervise/logs/follow-log.ts';
import { readLog, tailLog } from '../../../src/supervise/logs/read-log.ts';
import { fileplan, logRoom, owner, until, wait } from './logs.ts';

const room = logRoom();
const OFFSETS = [0, 1, 5, 9, 10, 11, 100, -1, -4, -10, -50];
const LENGTHS = [0, 1, 3, 10, 11, 1000, -1];
const PAIRS = OFFSETS.flatMap((offset) => LENGTHS.map((length) => [offset, length] as const));

/** What Debian's Supervisor answers to each pair of offset and length. */
function theirs(name: 'readFile' | 'tailFile', path: string): unknown[] {
  const script = `
import json, sys
from supervisor.options import ${name}
def ask(offset, length):
    try:
        answer = ${name}(sys.argv[1], offset, length)
        return answer.decode() if isinstance(answer, bytes) else answer
    except ValueError as why:
        return {'fault': why.args[0]}
print(json.dumps([ask(*pair) for pair in json.load(sys.stdin)]))`;
  const answer = execFileSync('/usr/bin/python3', ['-c', script, path], { input: JSON.stringify(PAIRS) });
  return JSON.parse(answer.toString()) as unknown[];
}

describe('readLog and tailLog', () => {
  it('answer as Supervisor does', async () => {
    const path = join(room.dir, 'a.log');
    writeFileSync(path, '0123456789');
    const read = theirs('readFile', path);
    const tail = theirs('tailFile', path);
    for (const [i, [offset, length]] of PAIRS.entries()) {
      const answer = await readLog(path, offset, length);
      const ours = answer.ok ? answer.bytes.toString() : { fault: answer.fault };
      expect(ours, `read ${offset} ${length}`).toEqual(read[i]);
      const { text, offset: next, overflow } = await tailLog(path, offset, length);
      expect([text.toString(), next, overflow], `tail ${offset} ${length}`).toEqual(tail[i]);
    }
  });

  it('say why not', async () => {
    const missing = join(room.dir, 'none.log');
    for (const path of [missing, null]) {
      expect(await readLog(path, 0, 0)).toEqual({ ok: false, fault: 'NO_FILE' });
      expect(await readLog(path, -1, 5)).toEqual({ ok: false, fault: 'NO_FILE' });
      expect(await tailLog(path, 7, 5)).toEqual({ text: Buffer.alloc(0), offset: 0, overflow: false });
    }
    const fifo = join(room.dir, 'fifo');
    execFileSync('mkfifo', [fifo]);
    mkdirSync(join(room.dir, 'folder'));
    for (const path of [fifo, join(room.dir, 'folder'), '/dev/null']) {
      expect(await readLog(path, 0, 0)).toEqual({ ok: false, fault: 'FAILED' });
      expect(await tailLog(path, 7, 5)).toEqual({ text: Buffer.alloc(0), offset: 7, overflow: false });
    }
    writeFileSync(missing, 'x');
    expect(await readLog(missing, 1.5, 0)).toEqual({ ok: false, fault: 'BAD_ARGUMENTS' });
    expect(await readLog(missing, Number.NaN, 0)).toEqual({ ok: false, fault: 'BAD_ARGUMENTS' });
  });
});

describe('followLog', () => {
  it('begins near the end and gives what is added', async () => {
    const path = join(room.dir, 'a.log');
    writeFileSync(path, '0123456789');
    let got = '';
    const take = (chunk: Buffer | string): void => {
      got += chunk;
    };
    const stop = followLog(path, take, 4);
    await until(() => got === '6789');
    appendFileSync(path, 'ab');
    await until(() => got === '6789ab');
    stop();
    appendFileSync(path, 'later');
    await wait(300);
    expect(got).toBe('6789ab');
  });

  it('waits for a file that is not there yet, and starts anew where it is emptied', async () => {
    const path = join(room.dir, 'a.log');
    let got = '';
    const take = (chunk: Buffer | string): void => {
      got += chunk;
    };
    const stop = followLog(path, take, 100, () => take('<cut>'));
    await wait(50);
    writeFileSync(path, 'long beginning\n');
    await until(() => got === 'long beginning\n');
    truncateSync(path);
    await until(() => got.endsWith('<cut>'));
    appendFileSync(path, 'new\n');
    await until(() => got === 'long beginning\n<cut>new\n');
    stop();
  });

  it('loses nothing over rotations, however many come between two looks', async () => {
    const path = join(room.dir, 'a.log');
    const logs = room.open();
    const log = logs.open(owner('a'), 'stdout', fileplan(path, { maxBytes: 1000, backups: 200 }));
    let got = '';
    const take = (chunk: Buffer | string): void => {
      got += chunk;
    };
    const stop = followLog(path, async (chunk) => take(chunk), 1_000_000);
    let all = '';
    for (let i = 0; i < 2000; i++) {
      const text = `line ${i}\n`;
      all += text;
      log.write(Buffer.from(text));
      if (i % 100 === 0) await wait(10);
    }
    await until(() => got.length >= all.length);
    expect(got).toBe(all);
    stop();
  });

  it('goes over to a new file where the old one was moved out of the way', async () => {
    const path = join(room.dir, 'a.log');
    writeFileSync(path, 'old\n');
    let got = '';
    const take = (chunk: Buffer | string): void => {
      got += chunk;
    };
    const stop = followLog(path, take, 100);
    await until(() => got === 'old\n');
    renameSync(path, join(room.dir, 'moved'));
    appendFileSync(join(room.dir, 'moved'), 'rest\n');
    writeFileSync(path, 'new\n');
    await until(() => got === 'old\nrest\nnew\n');
    stop();
  });
});
