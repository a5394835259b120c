// lbproxy convert FILE: the same configuration in the other syntax, on stdout or in a file. What it writes it has read again: a text that
// would mean something else is told of, not written.
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, extname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildModel } from '../../config/build.ts';
import { loadConfig } from '../../config/load.ts';
import { formatProblems, type Problem, type Problems } from '../../config/problem.ts';
import { shapeOf } from '../../config/registry.ts';
import type { Syntax } from '../../config/tree.ts';
import { isSupervisordFile } from '../programs-file.ts';
import { type Converted, convertTree, differenceOf, modelOfText } from './convert-tree.ts';
import { supervisordTree } from './supervisord-tree.ts';

export interface ConvertIo {
  print(text: string): void;
  fail(text: string): void;
}

export const CONVERT_USAGE = `lbproxy convert FILE [--to nginx|json] [-o NEW-FILE [--force]]

Prints nginx.conf as upstreams.json, upstreams.json as nginx.conf, supervisord.conf as either (json unless told). Comments go along.
  --to nginx|json      the syntax that is wanted
  -o, --output FILE    write it there; a file that exists stays, unless --force is given`;

interface Wish {
  readonly file: string;
  readonly to: Syntax | undefined;
  readonly output: string | undefined;
  readonly force: boolean;
}

/** The exit status: 2 for a wrong command line. */
export function runConvert(args: readonly string[], io: ConvertIo): number {
  if (args.includes('--help') || args.includes('-h')) {
    io.print(CONVERT_USAGE);
    return 0;
  }
  const wish = readWish(args);
  if (typeof wish === 'string') {
    io.fail(`lbproxy: ${wish}`);
    return 2;
  }
  const converted = isSupervisordFile(wish.file) ? ofSupervisord(wish, io) : ofConfig(wish, io);
  if (converted === undefined) return 1;
  return write(converted, wish, io);
}

function readWish(args: readonly string[]): Wish | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        to: { type: 'string' },
        output: { type: 'string', short: 'o' },
        force: { type: 'boolean' },
      },
    });
    const { to, output, force = false } = values;
    if (to !== undefined && to !== 'nginx' && to !== 'json') return `--to ${to}: there are nginx and json`;
    const [file, more] = positionals;
    if (file === undefined) return 'convert what? lbproxy convert FILE; see lbproxy convert --help';
    return more === undefined ? { file, to, output, force } : `too many files: ${file} and ${more}; name one`;
  } catch (error) {
    return (error as Error).message;
  }
}

function tell(problems: Problems, sources: ReadonlyMap<string, string>, io: ConvertIo): void {
  if (problems.list.length > 0) io.fail(formatProblems(problems.list, sources));
}

function ofConfig({ file, to }: Wish, io: ConvertIo): Converted | undefined {
  const { tree, problems, prefix } = loadConfig(file, { shapeOf });
  const sources = tree?.sources ?? new Map<string, string>();
  const model = tree === undefined ? undefined : buildModel(tree, prefix, problems);
  if (tree === undefined || model === undefined || problems.hasErrors) {
    tell(problems, sources, io);
    io.fail(`lbproxy: ${file} has errors; nothing was converted`);
    return undefined;
  }
  const syntax = to ?? (tree.syntax === 'json' ? 'nginx' : 'json');
  const converted = convertTree(tree, file, syntax);
  tell(converted.problems, sources, io);
  const again = modelOfText(converted.text, { file, syntax, prefix });
  const errors = again.problems.list.filter(({ severity }: Problem) => severity === 'error');
  const difference = errors[0]?.message ?? differenceOf(model, again.model, converted.differing);
  if (difference === undefined) return converted;
  io.fail(
    `lbproxy: ${file} cannot be converted: what comes out would differ (${difference})${converted.problems.list.length > 0 ? ', see above' : ''}; nothing was written`,
  );
  return undefined;
}

function ofSupervisord({ file, to = 'json' }: Wish, io: ConvertIo): Converted | undefined {
  const { tree, problems } = supervisordTree(file);
  tell(problems, tree?.sources ?? new Map(), io);
  if (tree !== undefined) return { ...convertTree(tree, file, to), problems };
  io.fail(`lbproxy: ${file} has errors; nothing was converted`);
  return undefined;
}

function write({ text }: Converted, { file, output, force }: Wish, io: ConvertIo): number {
  if (output === undefined) {
    io.print(text.trimEnd());
    return 0;
  }
  if (existsSync(output) && !force) {
    io.fail(`lbproxy: ${output} exists: name another file, or let it be replaced with --force`);
    return 1;
  }
  try {
    writeFileSync(output, text);
  } catch (error) {
    io.fail(`lbproxy: cannot write ${output}: ${(error as Error).message}`);
    return 1;
  }
  io.print(`wrote ${output}; test it with: lbproxy -t ${output}`);
  if (dirname(resolve(output)) !== dirname(resolve(file)))
    io.fail(
      `lbproxy: relative paths start from the directory of the file: move ${output} beside ${file}, or start it with -p ${dirname(file)}`,
    );
  if (extname(output) !== '.json' && text.startsWith('{'))
    io.fail(`lbproxy: JSON is known by its name best: call it ${output}.json`);
  return 0;
}
