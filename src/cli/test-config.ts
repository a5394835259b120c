// -t and -T: is the configuration good? Also opens what it names: certificates, logs.

import { placeOfLocal, placeOfSelfSigned } from '../cluster/needs.ts';
import { RuntimeLogs } from '../cluster/runtime-logs.ts';
import { ensureSelfSigned } from '../cluster/self-signed.ts';
import { CompileError, compileRuntime } from '../compile.ts';
import { asNginx } from '../config/as-nginx.ts';
import type { Model } from '../config/model.ts';
import { positionOf } from '../config/places.ts';
import { printNginx } from '../config/print.ts';
import type { Problems } from '../config/problem.ts';
import type { Tree } from '../config/tree.ts';
import { MemorySessions } from '../listen/tls/sessions.ts';
import { type CertificatePaths, readTlsFiles } from '../listen/tls-files.ts';
import type { Leaves } from '../local-ca/leaf.ts';
import { LogFiles } from '../observe/log-files.ts';
import { TICKET_KEY_BYTES, TicketKeys } from '../socket/ticket-keys.ts';
import { NOTHING_DISCOVERED } from '../upstream/discovery.ts';
import { checkFiles } from './check-files.ts';
import { checkSurroundings } from './check-surroundings.ts';
import type { CliOptions } from './cli-options.ts';
import {
  configFile,
  NO_CONFIG,
  printProblems,
  type ReadConfig,
  readConfig,
  stateDirOf,
} from './read-config.ts';

export async function testConfig(options: CliOptions): Promise<number> {
  const file = configFile(options);
  if (file === undefined) {
    process.stderr.write(`lbproxy: ${NO_CONFIG}\n`);
    return 1;
  }
  const read = readConfig(file, options);
  const { model, pool, problems } = read;
  if (model !== undefined && pool !== undefined) {
    checkFiles(read);
    await tryAll(model, read);
    await checkSurroundings(model, pool, problems);
  }
  printProblems(read);
  if (read.problems.hasErrors || read.tree === undefined) {
    process.stderr.write(`lbproxy: configuration file ${file} test failed\n`);
    return 1;
  }
  if (options.quiet !== true) {
    process.stderr.write(`lbproxy: the configuration file ${file} syntax is ok\n`);
    process.stderr.write(`lbproxy: configuration file ${file} test is successful\n`);
  }
  if (options.dump === true) process.stdout.write(dump(read.tree));
  return 0;
}

/** What only the making shows. */
export async function tryAll(model: Model, read: ReadConfig): Promise<void> {
  const selfSigned = await selfSignedFor(model, read.problems);
  const leaves = await leavesFor(model, read.problems);
  // It would stop at the first file that was told already.
  if (!read.problems.hasErrors) await tryOut(model, { selfSigned, leaves }, read);
}

async function selfSignedFor(model: Model, problems: Problems): Promise<CertificatePaths | null> {
  const place = placeOfSelfSigned(model);
  if (place === undefined) return null;
  try {
    const selfSigned = await ensureSelfSigned(stateDirOf(model));
    for (const text of selfSigned.warnings) problems.warn(positionOf(place), text);
    return selfSigned;
  } catch (error) {
    problems.error(positionOf(place), (error as Error).message);
    return null;
  }
}

async function leavesFor(model: Model, problems: Problems): Promise<Leaves> {
  const place = placeOfLocal(model);
  if (place === undefined) return {};
  try {
    const { authorityIn, LeafStock } = await import('../cluster/local-certificates.ts');
    const { authority, warnings } = await authorityIn(stateDirOf(model));
    for (const text of warnings) problems.warn(positionOf(place), text);
    return await new LeafStock().leavesOf(model, authority);
  } catch (error) {
    problems.error(positionOf(place), (error as Error).message);
    return {};
  }
}

/** Certificates that lbproxy makes. */
interface Made {
  readonly selfSigned: CertificatePaths | null;
  readonly leaves: Leaves;
}

/** Compiles as an acceptor would, without opening sockets. */
async function tryOut(
  model: Model,
  { selfSigned, leaves }: Made,
  { file, problems }: ReadConfig,
): Promise<void> {
  try {
    const logFiles = new LogFiles();
    const logs = new RuntimeLogs(model, logFiles);
    await compileRuntime(model, {
      previous: null,
      discovery: NOTHING_DISCOVERED,
      tls: {
        selfSigned,
        files: readTlsFiles(model, selfSigned),
        leaves,
        ticketKeys: new TicketKeys([Buffer.alloc(TICKET_KEY_BYTES)]),
        sessions: new MemorySessions(100),
      },
      logFiles,
      log: logs.requests,
      logOf: (errorLog) => logs.of(errorLog),
    });
  } catch (error) {
    const at = error instanceof CompileError && error.at !== '' ? error.at : `${file}:1:1`;
    problems.error(positionOf(at), (error as Error).message);
  }
}

/** nginx prints every file as it is; a JSON configuration is printed as the nginx.conf that means the same. */
export function dump(tree: Tree): string {
  if (tree.syntax === 'json')
    return `# effective configuration of ${tree.file}:\n${printNginx(asNginx(tree.directives))}`;
  let out = '';
  for (const [name, text] of tree.sources) out += `# configuration file ${name}:\n${text}\n`;
  return out;
}
