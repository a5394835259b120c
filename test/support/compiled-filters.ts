// The filters that a location's directives make, as the road has them.

import { compileRuntime } from '../../src/compile.ts';
import type { LocationRuntime } from '../../src/exchange/exchange.ts';
import { MemorySessions } from '../../src/listen/tls/sessions.ts';
import { LogFiles } from '../../src/observe/log-files.ts';
import { TicketKeys } from '../../src/socket/ticket-keys.ts';
import { NOTHING_DISCOVERED } from '../../src/upstream/discovery.ts';
import { readModel } from './proxy.ts';

const ignore = (): void => undefined;

/** `text` stands in a server, `around` beside that; what it is outside of all locations. */
export async function compiledServer(text: string, around = ''): Promise<LocationRuntime> {
  const { model, remove } = readModel(`http { ${around} server { listen 127.0.0.1:0; ${text} } }`);
  const runtime = await compileRuntime(model, {
    previous: null,
    discovery: NOTHING_DISCOVERED,
    tls: {
      selfSigned: null,
      files: {},
      ticketKeys: new TicketKeys([Buffer.alloc(48)]),
      sessions: new MemorySessions(100),
    },
    logFiles: new LogFiles(),
    log: {
      attemptFailed: ignore,
      fileProblem: ignore,
      noRoom: ignore,
      handshake: ignore,
      note: ignore,
      refused: ignore,
    },
  });
  runtime.upstreams.retire(null);
  remove();
  const [listener] = runtime.listeners.values();
  return listener.front.defaultServer.root;
}
