// Debian's supervisorctl drives the control server unchanged: what it prints, and its exit statuses, are those it has with supervisord.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlSite, confOf, openSite } from '../../support/control-site.ts';
import type { StandInProgram } from '../../support/stand-in-pool.ts';
import {
  ctlConf,
  ctlWords,
  type Supervisord,
  startSupervisord,
  supervisorctl,
  supervisorVersion,
} from '../../support/supervisord.ts';
import { ctl, runScript, type Step } from '../parity/sides.ts';

const logs = (name: string): Pick<StandInProgram, 'stdoutLog' | 'stderrLog'> => ({
  stdoutLog: `{dir}/${name}.out`,
  stderrLog: `{dir}/${name}.err`,
});

const PROGRAMS: readonly StandInProgram[] = [
  { name: 'cat', command: '/bin/cat', startMs: 0, ...logs('cat') },
  { name: 'echo', command: '/bin/echo x', autostart: false, ...logs('gruss') },
  { name: 'missing', command: '/no/such/command', autostart: false, ...logs('missing') },
  { name: 'plain', command: '/etc/passwd', autostart: false, ...logs('plain') },
  { name: 'quiet', command: '/bin/sleep 1001', startMs: 0, stdoutLog: null, stderrLog: null },
  { name: 'a', group: 'duo', command: '/bin/sleep 1000', startMs: 0, ...logs('a') },
  { name: 'b', group: 'duo', command: '/bin/sleep 1000', startMs: 0, ...logs('b') },
];

/** Command lines in their order; each runs on both. */
const LINES: readonly string[] = [
  'version',
  'status',
  'status all',
  'status cat',
  'status duo:*',
  'status duo:a cat',
  'status duo',
  'status nope nope:*',
  'avail',
  'pid cat nope missing',
  'tail cat',
  'tail -100 cat stderr',
  'tail nope',
  'tail quiet',
  'tail missing',
  'tail -x cat',
  'clear cat',
  'clear nope',
  'clear all',
  'signal CONT cat',
  'signal NOPE cat',
  'signal CONT missing nope duo:* nope:*',
  'start cat',
  'start missing plain nope nope:* duo:*',
  'stop duo:a',
  'stop duo:a',
  'stop duo:*',
  'start duo:*',
  'restart duo:a',
  'restart duo:*',
  'stop missing nope nope:*',
  'reread',
  'update',
  'update nope',
  'remove cat',
  'remove nope',
  'add cat nope',
  'stop cat',
  'remove cat',
  'add cat',
  'nonsense',
  'start',
];

describe.skipIf(supervisorVersion === '')('supervisorctl', () => {
  let site: ControlSite;
  let real: Supervisord;
  let conf: string;
  beforeAll(async () => {
    [site, real] = await Promise.all([openSite(PROGRAMS), startSupervisord(confOf(PROGRAMS))]);
    conf = ctlConf(site.dir);
  }, 30_000);
  afterAll(() => Promise.all([site?.close(), real?.stop()]));

  it('prints the same with both, and ends the same', async () => {
    // Supervisor starts its programs a moment after it takes calls.
    const steps: Step[] = [['until', 'duo:b', ['RUNNING']], ...LINES.map(ctl)];
    const [ours, theirs] = await Promise.all(
      [site, real].map(async ({ dir, url }) => {
        const own = path.join(dir, 'own-ctl.conf');
        fs.writeFileSync(own, `[supervisorctl]\nserverurl=${url}\n`);
        const [, ...came] = (await runScript({ dir, conf: own, url }, steps)) as Came[];
        return came.map(({ lines, exit }, i) => ({ line: LINES[i], exit, text: neutral(lines.join('\n')) }));
      }),
    );
    expect(ours).toEqual(theirs);
    expect((await supervisorctl(conf, site.url, ['status', 'cat'])).stdout).toMatch(
      /^cat +RUNNING +pid \d+, uptime /,
    );
    expect(site.reports).toEqual([]);
  }, 150_000);

  it('follows a log with tail -f, and main log and shutdown work', async () => {
    const log = path.join(site.dir, 'a.out');
    fs.writeFileSync(log, 'x'.repeat(3000));
    const [file, ...words] = ctlWords(conf, site.url, ['tail', '-f', 'duo:a']);
    const child = spawn(file, words);
    let seen = '';
    child.stdout.on('data', (chunk) => {
      seen += chunk;
    });
    try {
      await expect.poll(() => seen, { timeout: 15_000 }).toContain('x'.repeat(1024));
      fs.appendFileSync(log, 'and more\n');
      await expect.poll(() => seen, { timeout: 5000 }).toContain('and more');
      fs.truncateSync(log, 0);
      await expect.poll(() => seen, { timeout: 5000 }).toContain('==> File truncated <==');
      fs.renameSync(log, `${log}.1`);
      fs.writeFileSync(log, 'a new file\n');
      await expect.poll(() => seen, { timeout: 5000 }).toContain('a new file');
      expect(seen.match(/x/g)?.length).toBe(1025);
    } finally {
      child.kill('SIGKILL');
    }
    expect((await supervisorctl(conf, site.url, ['maintail'])).stdout).toBe(
      'main line one\nmain line two\n\n',
    );
    expect((await supervisorctl(conf, site.url, ['maintail', '-4'])).stdout).toBe('two\n\n');
    expect((await supervisorctl(conf, site.url, ['pid'])).stdout).toBe(`${process.pid}\n`);
    expect((await supervisorctl(conf, site.url, ['shutdown'])).stdout).toBe('Shut down\n');
    expect((await supervisorctl(conf, site.url, ['shutdown'])).stdout).toBe('ERROR: already shutting down\n');
    expect(site.pool.asked).toContain('shutdown');
  }, 60_000);
});

interface Came {
  readonly lines: readonly string[];
  readonly exit: number;
}

function neutral(text: string): string {
  return (
    text
      .replace(/pid \d+, uptime 0:0\d:\d\d/g, 'UP')
      .replace(/[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M/g, 'WHEN')
      .replace(/^\d+$/gm, 'PID')
      // Two that stop at the same moment come in any order.
      .replace(/^duo:b: (\w+)\nduo:a: \1$/m, 'duo:a: $1\nduo:b: $1')
  );
}
