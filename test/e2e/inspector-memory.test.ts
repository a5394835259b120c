// A reload that wants more memory for the inspector than the system gives: it is refused with its place, and what holds goes on.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { get } from '../support/http-client.ts';
import { childrenOf, startLbproxy } from '../support/lbproxy-process.ts';

const CONFIG = 'worker_processes 1; http { server { listen 127.0.0.1:PORT1; return 200 text; } }';
const with_ = (inspector: string): string => CONFIG.replace('http', `inspector ${inspector};\nhttp`);

/** From now on it gets no more than this beside what it has. */
function limit(pid: number, moreBytes: number): void {
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[0]);
  const { status, stderr } = spawnSync('prlimit', ['--pid', String(pid), `--as=${pages * 4096 + moreBytes}`]);
  expect([status, String(stderr)]).toEqual([0, '']);
}

it('is refused, and the configuration before goes on', async () => {
  const lbproxy = await startLbproxy(with_('1m'));
  const [acceptor] = childrenOf(lbproxy.pid);
  limit(acceptor, 500 * 2 ** 20);
  expect(await lbproxy.reload(with_('1g'))).toBe('refused');
  expect(lbproxy.stderr()).toMatch(
    /:1:\d+: "inspector": the system gives no 1073741824 bytes \(.*\); make it smaller/,
  );
  expect(await get(lbproxy.port, '/')).toMatchObject({ status: 200, body: 'text' });
  expect(await lbproxy.reload(with_('2m').replace('text', 'other'))).toBe('reloaded');
  expect(await get(lbproxy.port, '/')).toMatchObject({ status: 200, body: 'other' });
  expect(childrenOf(lbproxy.pid)).toEqual([acceptor]);
});
