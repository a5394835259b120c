// A log that is a symbolic link: followed where we or root made it, as images do with /dev/stdout, and not where anybody else did.
import {
  chmodSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLogOutput } from '../../src/observe/log-output.ts';
import { runLbproxy } from '../support/cli.ts';
import { get } from '../support/http-client.ts';
import { startLbproxy } from '../support/lbproxy-process.ts';
import { isRoot, STRANGER } from '../support/root.ts';

let dir = '';
let log = '';
let target = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lbproxy-'));
  log = join(dir, 'access.log');
  target = join(dir, 'target');
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

const config = (more = ''): string =>
  `worker_processes 1;\nhttp { access_log ${log}; ${more} server { listen 127.0.0.1:PORT1; return 200 ok; } }`;

/** What -t says of the configuration. */
function test(): Promise<{ code: number; stderr: string }> {
  writeFileSync(join(dir, 'a.conf'), config().replace('PORT1', '1'));
  return runLbproxy(['-tq', '-c', 'a.conf'], { cwd: dir });
}

describe('a link of our own', () => {
  it('is followed, to a file that is there and to one that is not', async () => {
    symlinkSync(target, log);
    expect(await test()).toMatchObject({ code: 0, stderr: '' });
    const lbproxy = await startLbproxy(config());
    expect((await get(lbproxy.port)).status).toBe(200);
    lbproxy.signal('SIGTERM');
    await lbproxy.exited;
    expect(readFileSync(target, 'utf8')).toContain('"GET / HTTP/1.1" 200');
    expect(lstatSync(log).isSymbolicLink()).toBe(true);
  });

  it.each(['/dev/stdout', '/proc/self/fd/1'])('to %s gives the lines to the container', async (to) => {
    symlinkSync(to, log);
    expect(await test()).toMatchObject({ code: 0, stderr: '' });
    const lbproxy = await startLbproxy(config());
    await get(lbproxy.port);
    await lbproxy.printed('"GET / HTTP/1.1" 200');
    expect(lbproxy.stdout()).toContain('"GET / HTTP/1.1" 200');
  });

  it('is warned of in a directory where anybody can make another of it', async () => {
    mkdirSync(join(dir, 'open'));
    log = join(dir, 'open', 'access.log');
    symlinkSync(target, log);
    chmodSync(join(dir, 'open'), 0o777);
    const { code, stderr } = await test();
    expect(stderr.split('\n')[0]).toBe(
      `a.conf:2:8: warning: access_log ${log} is a symbolic link in a directory that others can write in (mode 0777): they choose what it leads to; chmod go-w ${join(dir, 'open')}`,
    );
    expect(code).toBe(0);
    chmodSync(join(dir, 'open'), 0o1777);
    expect(await test()).toMatchObject({ code: 0, stderr: '' });
  });
});

describe.runIf(isRoot)('a link of another user', () => {
  it('is refused by -t, by a start and by a reopening; lines go on to the file that was open', async () => {
    writeFileSync(target, 'untouched');
    const lbproxy = await startLbproxy(config());
    await get(lbproxy.port);
    renameSync(log, `${log}.1`);
    symlinkSync(target, log);
    lchownSync(log, STRANGER, STRANGER);
    const why = `it is a symbolic link that user ${STRANGER} made, who is neither root nor user 0, which lbproxy runs as: name the file`;
    const reopened = await lbproxy.command('-s', 'reopen');
    expect(reopened.code).toBe(1);
    expect(reopened.text).toContain(why);
    await get(lbproxy.port, '/later');
    await expect.poll(() => readFileSync(`${log}.1`, 'utf8')).toContain('GET /later');
    const tested = await test();
    expect(tested.stderr).toContain(`a.conf:2:8: access_log ${log} cannot be opened: ${why}`);
    expect(tested.code).toBe(1);
    expect(() => openLogOutput(log)).toThrow(why);
    expect(readFileSync(target, 'utf8')).toBe('untouched');
  });
});
