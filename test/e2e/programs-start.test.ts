// What a start says of programs that do not start.
import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { freePorts } from '../support/free-ports.ts';
import { pause } from '../support/http-client.ts';
import { spawnLbproxy, startLbproxy } from '../support/lbproxy-process.ts';

let holder: Server | undefined;
afterEach(() => void holder?.close());

const HTTP = 'worker_processes 1; http { server { listen 127.0.0.1:PORT1; return 200 on; } }';

describe('a program that cannot start', () => {
  it('does not delay the word that lbproxy is ready, and is named in it', async () => {
    const [port, another] = await freePorts(2);
    holder = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => holder?.listen(port, '127.0.0.1', resolve));
    const startedAt = performance.now();
    const lbproxy = await startLbproxy(`${HTTP}
      program taken { command "sleep 100"; first_port ${port}; }
      program nothing { command "no-such-command-anywhere"; first_port ${another}; }
      program portless { command "no-such-command-either"; }`);
    expect(performance.now() - startedAt).toBeLessThan(9000);
    expect(lbproxy.stdout()).toMatch(
      new RegExp(
        `^ {2}taken \\(port ${port}\\) does not serve: cannot start: port ${port} is taken by pid ${process.pid} `,
        'm',
      ),
    );
    expect(lbproxy.stdout()).toMatch(
      /^ {2}nothing \(port \d+\) does not serve: cannot start: "no-such-command-anywhere" was not found/m,
    );
    expect(lbproxy.stdout()).toMatch(/^ {2}portless does not run: cannot start: "no-such-command-either"/m);
  });

  it('leaves no such word behind when the start is ended', async () => {
    const [port] = await freePorts(1);
    const lbproxy = await spawnLbproxy(
      `error_log stderr info; ${HTTP} program slow { command "sleep 100"; first_port ${port}; }`,
    );
    await lbproxy.printed('slow started');
    await pause(300);
    lbproxy.signal('SIGTERM');
    expect(await lbproxy.exited).toEqual({ code: 0, signal: null });
    expect(lbproxy.stdout()).toBe('');
  });

  it('counts among the peers once it serves', async () => {
    const [port, another] = await freePorts(2);
    const lbproxy = await startLbproxy(`worker_processes 1;
      program app { command "node -e 'require(\\"net\\").createServer().listen({port})'"; first_port ${port}; }
      program none { command "no-such-command-anywhere"; first_port ${another}; }
      http { upstream a { program app; } upstream b { program none; }
        server { listen 127.0.0.1:PORT1; location / { proxy_pass http://a; } location /b { proxy_pass http://b; } } }`);
    expect(lbproxy.stdout()).toContain(`  upstream a: 127.0.0.1:${port} (round_robin)\n`);
    expect(lbproxy.stdout()).toContain('  upstream b: no peer yet (round_robin)\n');
  });
});
