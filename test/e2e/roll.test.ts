// HUP with --roll: a release that changes no file of lbproxy's is taken over by a reload, process by process.
import { describe, expect, it } from 'vitest';
import { freePorts } from '../supervise/programs.ts';
import { startLbproxy } from '../support/lbproxy-process.ts';

const APP = `
import { createServer } from 'node:http';
createServer((_, res) => res.end(String(process.pid))).listen(Number(process.env.PORT), '127.0.0.1');
`;

function configuration(first: number): string {
  const app = { command: `${process.execPath} app.mjs`, numprocs: 2, first_port: first, startsecs: '0' };
  return JSON.stringify({
    programs: { app },
    upstreams: { app: { program: 'app' } },
    servers: [{ listen: '127.0.0.1:PORT1', locations: { '/': { proxy_pass: 'http://app' } } }],
  });
}

describe('a reload of an unchanged configuration', () => {
  it.each([
    [['--roll'], 2],
    [[], 0],
  ] as const)('with %j starts %i processes anew', async (args, renewed) => {
    const first = await freePorts(2);
    const lbproxy = await startLbproxy(configuration(first), { files: { 'app.mjs': APP }, args });
    const pids = async (): Promise<Set<string>> => {
      const answers = Array.from({ length: 8 }, () =>
        fetch(`http://127.0.0.1:${lbproxy.port}/`).then((r) => r.text()),
      );
      return new Set(await Promise.all(answers));
    };
    const before = await pids();
    expect(before.size).toBe(2);
    expect((await lbproxy.command('-s', 'reload')).code).toBe(0);
    const deadline = Date.now() + 10_000;
    let now = await pids();
    while (Date.now() < deadline && [...now].filter((pid) => !before.has(pid)).length < renewed)
      now = await pids();
    expect([...now].filter((pid) => !before.has(pid))).toHaveLength(renewed);
  });
});
