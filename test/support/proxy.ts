// The kit's first verb: a configuration served in this process, on free ports, gone when closed.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileRuntime, type Runtime, type RuntimeLog } from '../../src/compile.ts';
import { buildModel } from '../../src/config/build.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Model } from '../../src/config/model.ts';
import { formatProblems } from '../../src/config/problem.ts';
import { shapeOf } from '../../src/config/registry.ts';
import type { OwnSettings } from '../../src/config/settings.ts';
import { Inspector } from '../../src/inspect/inspector.ts';
import { Listener } from '../../src/listen/listener.ts';
import { MemorySessions } from '../../src/listen/tls/sessions.ts';
import { readTlsFiles } from '../../src/listen/tls-files.ts';
import type { LeafSource, Leaves } from '../../src/local-ca/leaf.ts';
import { LogFiles } from '../../src/observe/log-files.ts';
import { TicketKeys } from '../../src/socket/ticket-keys.ts';
import { NOTHING_DISCOVERED } from '../../src/upstream/discovery.ts';

export interface Proxy {
  /** Port of the n-th distinct address in the order of the configuration. */
  readonly ports: readonly number[];
  readonly port: number;
  readonly runtime: Runtime;
  readonly listeners: readonly Listener[];
  readonly log: string[];
  /** Requests that were answered with an error page here: `status: why`. */
  readonly refused: string[];
  readonly logFiles: LogFiles;
  /** null where the configuration asks for none. */
  readonly inspector: Inspector | null;
  close(): Promise<void>;
}

/** Reads a configuration text (an nginx file, or JSON when it begins with a brace); throws the printed problems. */
export function readModel(
  text: string,
  prefix?: string,
  defaults: OwnSettings = {},
): { model: Model; warnings: string; prefix: string; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-'));
  const file = join(dir, text.trimStart().startsWith('{') ? 'lbproxy.json' : 'nginx.conf');
  writeFileSync(file, text);
  const remove = (): void => rmSync(dir, { recursive: true, force: true });
  const { tree, problems, prefix: base } = loadConfig(file, { shapeOf, prefix });
  const model = tree === undefined ? undefined : buildModel(tree, base, problems, defaults);
  const printed = formatProblems(problems.list, tree?.sources ?? new Map()).replaceAll(`${dir}/`, '');
  if (model === undefined || problems.hasErrors) {
    remove();
    throw new Error(printed);
  }
  return { model, warnings: printed, prefix: base, remove };
}

/** Serves a configuration; `listen 127.0.0.1:0` (or 0) takes a free port, further ones `127.0.0.2:0` and so on. */
export async function startProxy(
  text: string,
  options: {
    prefix?: string;
    /** What holds where the text says nothing: that of a face. */
    defaults?: OwnSettings;
    certificate?: { certificate: string; key: string };
    ticketKeys?: TicketKeys;
    leaves?: Leaves;
    askLeaf?: LeafSource;
  } = {},
): Promise<Proxy> {
  const { model, remove } = readModel(text, options.prefix, options.defaults);
  const log: string[] = [];
  const refused: string[] = [];
  const logFiles = new LogFiles();
  const runtimeLog: RuntimeLog = {
    attemptFailed: (_x, attempt, detail) =>
      log.push(`${attempt.peer} ${attempt.outcome} ${attempt.noRetry}: ${detail}`),
    fileProblem: (_x, message) => log.push(message),
    noRoom: (message) => log.push(message),
    handshake: (message) => log.push(message),
    note: (_x, level, message) => log.push(`${level}: ${message}`),
    refused: (_x, status, detail) => refused.push(`${status}: ${detail}`),
  };
  const selfSigned = options.certificate ?? null;
  const { inspector: kept } = model.settings;
  const inspector = kept === null ? null : new Inspector(kept.bytes);
  const runtime = await compileRuntime(model, {
    tap: inspector,
    previous: null,
    discovery: NOTHING_DISCOVERED,
    tls: {
      selfSigned,
      files: readTlsFiles(model, selfSigned),
      leaves: options.leaves,
      askLeaf: options.askLeaf,
      ticketKeys: options.ticketKeys ?? new TicketKeys([Buffer.alloc(48, 7)]),
      sessions: new MemorySessions(100),
    },
    logFiles,
    log: runtimeLog,
  });
  const listeners = [...runtime.listeners.values()].map((plan) => new Listener(plan));
  for (const listener of listeners) await listener.listen();
  const ports = listeners.map((listener) => listener.port);
  return {
    ports,
    port: ports[0],
    runtime,
    listeners,
    log,
    refused,
    logFiles,
    inspector,
    async close() {
      for (const listener of listeners) listener.destroy();
      runtime.upstreams.retire(null);
      runtime.caches.retire(null);
      logFiles.flushAllSync();
      remove();
    },
  };
}
