// The shell that process 1 becomes: by itself, and as process 1 of a new PID namespace.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { REAPER } from '../../src/cli/first-process.ts';
import { isRoot } from '../support/root.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

function start(command: string, args: readonly string[], input = '') {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  cleanups.push(() => void child.kill('SIGKILL'));
  child.stdin.end(input);
  let text = '';
  let wake = (): void => undefined;
  child.stdout.on('data', (chunk) => {
    text += chunk;
    wake();
  });
  const ended = new Promise<{ code: number | null; text: string }>((resolve) =>
    child.once('close', (code) => resolve({ code, text })),
  );
  const said = async (word: string): Promise<void> => {
    while (!text.includes(word)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { child, ended, said };
}

const reaped = (script: string, input?: string) =>
  start('sh', ['-c', REAPER, 'reaper', process.execPath, '-e', script], input);

describe('the reaper', () => {
  it('ends with the status of its child, and gives it its stdin', async () => {
    expect(
      await reaped(
        'process.stdin.on("data", (c) => console.log(String(c))).on("end", () => process.exit(7))',
        'hello',
      ).ended,
    ).toEqual({ code: 7, text: 'hello\n' });
    expect((await reaped('').ended).code).toBe(0);
    expect((await reaped('process.kill(process.pid, "SIGKILL")').ended).code).toBe(137);
  });

  it.each(['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2'] as const)(
    'passes %s on, waits for what its child makes of it, and passes on the next',
    async (signal) => {
      const { child, ended, said } = reaped(`let n = 0; process.on('${signal}', () => {
        console.log('got', ++n); if (n === 2) setTimeout(() => process.exit(9), 100); });
        setInterval(() => {}, 1000); console.log('up');`);
      await said('up');
      child.kill(signal);
      await said('got 1');
      child.kill(signal);
      expect(await ended).toEqual({ code: 9, text: 'up\ngot 1\ngot 2\n' });
    },
  );
});

describe('lbproxy as process 1', () => {
  it('leaves no zombies of orphans', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'first-process-'));
    cleanups.push(() => rmSync(dir, { recursive: true, force: true }));
    const room = new URL('../../src/cli/first-process.ts', import.meta.url).href;
    const script = join(dir, 'first.mjs');
    writeFileSync(
      script,
      `import { spawn } from 'node:child_process';
       import { readdirSync, readFileSync } from 'node:fs';
       const { makeWayForReaper } = await import('${room}');
       if (process.argv[2] === 'make-way') makeWayForReaper();
       // Of all but itself and process 1.
       const others = (n) => /^\\d+$/.test(n) && n !== '1' && n !== String(process.pid);
       const states = () => readdirSync('/proc').filter(others).flatMap((n) => {
         try { return readFileSync('/proc/' + n + '/stat', 'latin1').split(') ').at(-1)[0]; } catch { return []; }
       });
       const ended = [];
       for (let i = 0; i < 5; i++) {
         const child = spawn('sh', ['-c', '(setsid sleep 0.2 &); exit 0']);
         ended.push(new Promise((resolve) => child.once('exit', resolve)));
       }
       await Promise.all(ended);
       const end = Date.now() + 10_000;
       const until = async (holds) => {
         while (!holds() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
       };
       await until(() => states().every((state) => state === 'Z'));
       if (process.pid !== 1) await until(() => states().length === 0);
       console.log(process.pid === 1, states().length, process.argv.slice(2));
       process.exit(3);`,
    );
    const user = isRoot ? [] : ['--user', '--map-root-user'];
    const first = (...args: string[]) =>
      start('unshare', [...user, '--pid', '--fork', '--mount-proc', process.execPath, script, ...args]).ended;
    // What is there without: this is what the test measures.
    expect(await first('stay')).toEqual({ code: 3, text: "true 5 [ 'stay' ]\n" });
    expect(await first('make-way', "a 'b'")).toEqual({
      code: 3,
      text: `false 0 [ 'make-way', "a 'b'" ]\n`,
    });
  });
});
