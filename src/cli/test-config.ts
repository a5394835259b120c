// -t and -T: is the configuration good? Also opens what it names: certificates, logs.

import { usesSelfSigned } from '../cluster/needs.ts';
import { ensureSelfSigned } from '../cluster/self-signed.ts';
import { CompileError, compileRuntime } from '../compile.ts';
import { positionOf } from '../config/finish.ts';
import type { Model } from '../config/model.ts';
import { printNginx } from '../config/print.ts';
import type { Tree } from '../config/tree.ts';
import { LogFiles } from '../observe/log-files.ts';
import { NOTHING_DISCOVERED } from '../upstream/discovery.ts';
import { configFile, NO_CONFIG, printProblems, readConfig, stateDirOf } from './read-config.ts';
import type { CliOptions } from './run-cli.ts';

export async function testConfig(options: CliOptions): Promise<number> {
  const file = configFile(options);
  if (file === undefined) {
    process.stderr.write(`lbproxy: ${NO_CONFIG}\n`);
    return 1;
  }
  const read = readConfig(file, options);
  if (read.model !== undefined) {
    const problem = await tryOut(read.model);
    if (problem !== undefined) read.problems.error(positionOf(problem.at || `${file}:1:1`), problem.message);
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

/** Compiles as an acceptor would, without opening sockets. */
async function tryOut(model: Model): Promise<{ at: string; message: string } | undefined> {
  try {
    const selfSigned = usesSelfSigned(model) ? await ensureSelfSigned(stateDirOf(model)) : null;
    compileRuntime(model, {
      previous: null,
      discovery: NOTHING_DISCOVERED,
      groupListener: null,
      tls: { selfSigned, ticketKeys: Buffer.alloc(48) },
      logFiles: new LogFiles(),
      log: { attemptFailed() {}, fileProblem() {} },
    });
    return undefined;
  } catch (error) {
    return { at: error instanceof CompileError ? error.at : '', message: (error as Error).message };
  }
}

/** nginx prints every file as it is; a JSON configuration is printed as the nginx.conf that it amounts to. */
function dump(tree: Tree): string {
  if (tree.syntax === 'json')
    return `# effective configuration of ${tree.file}:\n${printNginx(tree.directives)}`;
  let out = '';
  for (const [name, text] of tree.sources) out += `# configuration file ${name}:\n${text}\n`;
  return out;
}
