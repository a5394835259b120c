// Errors that nobody expected: one duty of the primary meets them, the others go on.
import { describe, expect, it } from 'vitest';
import { freePorts } from '../support/free-ports.ts';
import { runNode } from '../support/run-node.ts';

describe('surviveErrors', () => {
  it('logs what was thrown and what Node warns of, and goes on', async () => {
    const out = await runNode(`
      import { surviveErrors } from './src/cluster/survival.ts';
      const said = [];
      const note = (text) => said.push(text.split('\\n')[0]);
      surviveErrors(() => ({ crit: note, warn: note }));
      setTimeout(() => { throw new Error('in a timer'); }, 10);
      setTimeout(() => void Promise.reject(new Error('in a promise')), 20);
      setTimeout(() => process.emitWarning('old', 'DeprecationWarning'), 30);
      setTimeout(() => console.log(JSON.stringify(said)), 100);
    `);
    expect(JSON.parse(out)).toEqual([
      'unexpected error: Error: in a timer',
      'unexpected error: Error: in a promise',
      'Node warns: DeprecationWarning: old',
    ]);
  });
});

describe('a program', () => {
  it('runs, is started again and stops though every log line and every word of its port fails', async () => {
    const port = await freePorts(1).then(([one]) => one);
    const out = await runNode(`
      import { writeFileSync, mkdtempSync } from 'node:fs';
      import { Supervisor } from './src/supervise/supervisor.ts';
      import { programDefaults } from './src/supervise/rows.ts';
      import { poolOf, printed, SURROUNDINGS } from './test/supervise/programs.ts';
      const errors = new Set();
      process.on('uncaughtException', ({ message }) => errors.add(message));
      const dir = mkdtempSync('/tmp/lbproxy-fails-');
      writeFileSync(dir + '/app.mjs', \`import { createServer } from 'node:net'; createServer().listen(\${${port}}, '127.0.0.1');\`);
      const settings = { ...programDefaults, programCommand: process.execPath + ' ' + dir + '/app.mjs', programFirstPort: ${port}, programStartMs: 0 };
      const supervisor = new Supervisor({
        ...SURROUNDINGS, pool: poolOf(dir, [{ name: 'a', at: 'x:1:1', settings }]),
        output: (slot) => printed(slot, () => { throw new Error('no output'); }),
        drain() { throw new Error('no drain'); }, onState() { throw new Error('no state'); }, onLaunch() { throw new Error('no launch'); },
        log() { throw new Error('no log'); },
        onPeers() { throw new Error('no peers'); },
      });
      const until = async (reached) => { while (!reached()) await new Promise((r) => setTimeout(r, 20)); };
      supervisor.start();
      await until(() => supervisor.slots[0].up);
      const first = supervisor.slots[0].pid;
      process.kill(first, 'SIGKILL');
      await until(() => supervisor.slots[0].up && supervisor.slots[0].pid !== first);
      await supervisor.stop();
      console.log(JSON.stringify([supervisor.slots[0].state, [...errors]]));
      process.exit(0);
    `);
    expect(JSON.parse(out)).toEqual([
      'STOPPED',
      expect.arrayContaining(['no log', 'no peers', 'no drain', 'no state']),
    ]);
  });
});
