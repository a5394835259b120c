// An acceptor that has lost its mind: whatever it writes to the primary, it alone is replaced, and the service goes on.
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { get, pause, until } from '../support/http-client.ts';
import { isAlive, startLbproxy } from '../support/lbproxy-process.ts';

/** Loaded into every process by NODE_OPTIONS: the acceptor that finds the file DIR/say writes its text to the channel. */
const LOSES_ITS_MIND = `
const { existsSync, renameSync, readFileSync, writeSync } = require('node:fs');
const { dirname, join } = require('node:path');
if (/acceptor-main/.test(process.argv[1] ?? '')) {
  const said = join(__dirname, 'say');
  const timer = setInterval(() => {
    if (!existsSync(said)) return;
    try { renameSync(said, said + '.' + process.pid); } catch { return; }
    clearInterval(timer);
    const text = readFileSync(said + '.' + process.pid, 'latin1');
    if (text === 'disconnect') process.disconnect();
    else writeSync(process.channel.fd, text, null, 'latin1');
  }, 20);
  timer.unref();
}`;

/** Whole or not at all: an acceptor that looks in between would take an empty one. */
function say(dir: string, text: string): void {
  writeFileSync(join(dir, 'said'), text);
  renameSync(join(dir, 'said'), join(dir, 'say'));
}

const CONFIG = `worker_processes 2; http { server { listen 127.0.0.1:PORT1; return 200 on; } }`;

const GARBAGE: Readonly<Record<string, string>> = {
  'no JSON': 'not json\n',
  'bytes, and half a line': '\xff\x00{"type":\n"x"}',
  null: 'null\n',
  'a prototype': '{"__proto__":{"type":"ready"}}\n',
  'the word that it is ready, again': '{"type":"ready"}\n',
  'a segment that is no number': '{"type":"log-full","segment":{"toString":1}}\n',
  'thanks for nothing': '{"cmd":"NODE_HANDLE_ACK"}\n',
  'nonsense among good lines': '{"type":"alive"}\nnonsense\n{"type":"alive"}\n',
};

/** What Node understands, and answers or ignores by itself. */
const NODES_OWN = [
  '{"cmd":"NODE_HANDLE","type":"bogus"}',
  '{"cmd":"NODE_CLUSTER","act":"close","key":"x"}',
  '{"cmd":"NODE_CLUSTER","act":"toString"}',
  '{"cmd":"NODE_CLUSTER"}',
  '{"cmd":"NODE_","ack":-1}',
];

describe('an acceptor', () => {
  it.each(NODES_OWN)('that sends %s to Node harms nobody', async (text) => {
    const lbproxy = await startLbproxy(CONFIG, {
      env: { NODE_OPTIONS: '--require ./mind.cjs' },
      files: { 'mind.cjs': LOSES_ITS_MIND },
    });
    say(lbproxy.dir, `${text}\n`);
    const taken = (): boolean => !existsSync(join(lbproxy.dir, 'say'));
    await until(taken, 4000, 'the file taken by an acceptor');
    await pause(300);
    expect(lbproxy.hasExited).toBe(false);
    await lbproxy.acceptors(2);
    expect(await lbproxy.reload()).toBe('reloaded');
    expect((await get(lbproxy.port)).status).toBe(200);
    expect(await lbproxy.stop()).toEqual({ code: 0, signal: null });
  });

  for (const [what, text] of Object.entries(GARBAGE)) {
    it(`that sends ${what} is replaced, and all else goes on`, async () => {
      const lbproxy = await startLbproxy(CONFIG, {
        env: { NODE_OPTIONS: '--require ./mind.cjs' },
        files: { 'mind.cjs': LOSES_ITS_MIND },
      });
      const before = await lbproxy.acceptors(2);
      say(lbproxy.dir, text);
      const someDied = (): boolean => before.some((pid) => !isAlive(pid));
      await until(() => lbproxy.hasExited || someDied(), 4000, 'the end of the acceptor');
      expect(lbproxy.hasExited).toBe(false);
      const dead = before.filter((pid) => !isAlive(pid));
      expect(dead).toHaveLength(1);
      expect((await get(lbproxy.port)).status).toBe(200);
      await lbproxy.printed(`acceptor ${dead[0]} sent garbage: killed`);
      await lbproxy.acceptors(2, dead);
      expect(await lbproxy.reload()).toBe('reloaded');
      expect((await get(lbproxy.port)).status).toBe(200);
      expect(await lbproxy.stop()).toEqual({ code: 0, signal: null });
    });
  }

  it('that closes its channel is replaced', async () => {
    const lbproxy = await startLbproxy(CONFIG, {
      env: { NODE_OPTIONS: '--require ./mind.cjs' },
      files: { 'mind.cjs': LOSES_ITS_MIND },
    });
    const before = await lbproxy.acceptors(2);
    say(lbproxy.dir, 'disconnect');
    await until(() => before.some((pid) => !isAlive(pid)), 8000, 'the end of the acceptor');
    await lbproxy.acceptors(2, [before.find((pid) => !isAlive(pid)) ?? 0]);
    for (let i = 0; i < 5; i++) expect((await get(lbproxy.port)).status).toBe(200);
    expect(await lbproxy.reload()).toBe('reloaded');
  });
});
