// What compiling a Model costs: each location is made ready once.
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { compileRuntime, type Runtime, type RuntimeTools } from '../src/compile.ts';
import { MemorySessions } from '../src/listen/tls/sessions.ts';
import { LogFiles } from '../src/observe/log-files.ts';
import { TicketKeys } from '../src/socket/ticket-keys.ts';
import { NOTHING_DISCOVERED } from '../src/upstream/discovery.ts';
import { readModel } from './support/proxy.ts';

/** Counts what every compiled level asks for: its access log. */
class CountedLogs extends LogFiles {
  readonly opened: string[] = [];

  override open(path: string, ...more: [] | [Parameters<LogFiles['open']>[1]]) {
    this.opened.push(path);
    return super.open('stderr', ...more);
  }
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function toolsOf(logFiles: LogFiles, previous: Runtime | null = null): RuntimeTools {
  return {
    previous,
    discovery: NOTHING_DISCOVERED,
    tls: {
      selfSigned: null,
      files: {},
      ticketKeys: new TicketKeys([Buffer.alloc(48)]),
      sessions: new MemorySessions(100),
    },
    logFiles,
    log: {
      attemptFailed: () => {},
      fileProblem: () => {},
      noRoom: () => {},
      handshake: () => {},
      note: () => {},
      refused: () => {},
    },
  };
}

it('compiles a proxied location once, though the path without its slash is one too', async () => {
  const place = (name: string, inner = ''): string =>
    `location /${name}/ { access_log ${name}.log; proxy_pass http://127.0.0.1:1; ${inner} }`;
  const { model, prefix, remove } = readModel(
    `http { server { listen 127.0.0.1:0; ${place('a')} ${place('b', place('b/c'))} location = /d/ { access_log d.log; proxy_pass http://127.0.0.1:1; } } }`,
  );
  const logFiles = new CountedLogs();
  const runtime = await compileRuntime(model, toolsOf(logFiles));
  runtime.upstreams.retire(null);
  remove();
  expect(logFiles.opened.map((path) => path.slice(prefix.length + 1)).sort()).toEqual([
    'a.log',
    'b.log',
    'b/c.log',
    'd.log',
  ]);
});

it('keeps nothing of the configuration before once that is retired', async () => {
  const { model, remove } = readModel(
    'http { limit_req_zone $uri zone=z:64k rate=1r/s; upstream u { server 127.0.0.1:1; } server { listen 127.0.0.1:0; limit_req zone=z; location / { proxy_pass http://u; } } }',
  );
  let runtime = await compileRuntime(model, toolsOf(new LogFiles()));
  const before: WeakRef<Runtime>[] = [];
  for (let reload = 0; reload < 3; reload++) {
    const next = await compileRuntime(model, toolsOf(new LogFiles(), runtime));
    before.push(new WeakRef(runtime));
    runtime.upstreams.retire(next.upstreams);
    runtime = next;
  }
  // A WeakRef holds what it refers to until the turn is over.
  await turn();
  collectGarbage();
  expect(before.map((one) => one.deref() !== undefined)).toEqual([false, false, false]);
  expect(runtime.upstreams.all).toBeDefined();
  runtime.upstreams.retire(null);
  remove();
});
