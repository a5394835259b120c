// Every kind of line of the error log is JSON that a strict parser takes.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { get } from '../support/http-client.ts';
import { startLbproxy } from '../support/lbproxy-process.ts';
import { repeatedKeys } from '../support/strict-json.ts';

describe('the error log', () => {
  it('has no key twice, and names the process of a program in an object of its own', async () => {
    const lbproxy = await startLbproxy(`worker_processes 2; error_log DIR/error.log debug;
      program p { command "sleep 779"; } program q { command "sh -c 'exit 3'"; }
      http { access_log DIR/access.log json;
        server { listen 127.0.0.1:PORT1; location / { proxy_pass http://127.0.0.1:1; } location /f/ { root DIR/error.log; } } }`);
    await get(lbproxy.port, '/');
    await get(lbproxy.port, '/f/x');
    const logged = (): string[] =>
      readFileSync(join(lbproxy.dir, 'access.log'), 'utf8').split('\n').slice(0, -1);
    await expect.poll(() => logged().length, { timeout: 5000 }).toBe(2);
    lbproxy.signal('SIGUSR1');
    process.kill(lbproxy.acceptorPids()[0], 'SIGKILL');
    const text = (): string => readFileSync(join(lbproxy.dir, 'error.log'), 'utf8');
    const has = (part: string) => expect.poll(text, { timeout: 5000 }).toContain(part);
    await has('logs reopened');
    await has('a new one starts');
    await has('q exited with status 3');
    lbproxy.write('');
    lbproxy.signal('SIGHUP');
    await has('reload refused');
    await lbproxy.acceptors(2);
    lbproxy.signal('SIGQUIT');
    await lbproxy.exited;
    const lines = text().split('\n').slice(0, -1);
    expect([...lines, ...logged()].flatMap(repeatedKeys)).toEqual([]);
    const started = lines.map((line) => JSON.parse(line)).find(({ msg }) => /^p started/.test(msg));
    expect(started).toMatchObject({ pid: lbproxy.pid, program: 'p', process: { name: 'p' } });
    expect(started.process.pid).toBeGreaterThan(1);
    expect(started.process.pid).not.toBe(lbproxy.pid);
  });
});
