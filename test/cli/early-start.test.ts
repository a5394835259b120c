// Acceptors that start before the configuration is read: how many is a guess, which what is read then puts right.
import { expect, it } from 'vitest';
import { guessAcceptors } from '../../src/cli/early-start.ts';
import { groupIsAlive } from '../../src/supervise/process-group.ts';
import { get } from '../support/http-client.ts';
import { spawnLbproxy, startLbproxy } from '../support/lbproxy-process.ts';

const guess = (text: string): number => guessAcceptors(text, () => 4);

it('guesses from what stands in the file', () => {
  expect(guess('worker_processes 2;\nhttp { server { } }')).toBe(2);
  expect(guess('{ "acceptors": 3, "servers": [] }')).toBe(3);
  expect(guess('{ "worker_processes": "1", "servers": [] }')).toBe(4);
  expect(guess('worker_processes 100;\nhttp { server { } }')).toBe(4);
  expect(guess('worker_processes auto;\nhttp { server { } }')).toBe(4);
  expect(guess('http { server { } }')).toBe(4);
  expect(guess('include main.conf;\nhttp { server { } }')).toBe(1);
  expect(guess('[supervisord]\n[program:app]\ncommand=app\n')).toBe(0);
  expect(guessAcceptors(null)).toBe(0);
});

it('ends those too many, and starts those that are missing', async () => {
  const server =
    'error_log stderr; events {} http { server { listen 127.0.0.1:PORT1; return 200 "as it is"; } }';
  for (const [text, count] of [
    [`# worker_processes 2;\nworker_processes 1; ${server}`, 1],
    [`# worker_processes 1;\nworker_processes 3; ${server}`, 3],
  ] as const) {
    const lbproxy = await startLbproxy(text);
    expect((await get(lbproxy.port)).body.toString()).toBe('as it is');
    await lbproxy.acceptors(count);
    await lbproxy.stop();
  }
});

it('leaves none where nothing is started', async () => {
  const lbproxy = await spawnLbproxy(
    'worker_processes 2; events {} http { server { listen 127.0.0.1:PORT1; no_such on; } }',
  );
  expect((await lbproxy.exited).code).toBe(1);
  expect(lbproxy.stderr()).toContain('nothing was started');
  expect(lbproxy.stderr()).not.toContain('acceptor');
  await expect.poll(() => groupIsAlive(lbproxy.pid)).toBe(false);
});
