// Following a log over rotations and truncations.
import { appendFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { followLog } from '../../../src/supervise/logs/follow-log.ts';
import { fileplan, logRoom, owner, until, wait } from './logs.ts';

const room = logRoom();
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
