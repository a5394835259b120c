// argv → one command. nginx's flags mean what they mean there.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { CliOptions } from './cli-options.ts';
import { bearClosedOutput } from './closed-output.ts';
import { printVersion, VERSION_FLAGS } from './print-version.ts';

type Commander = typeof import('commander');

function createProgram({ Command, Option }: Commander): Command {
  const program = new Command('lbproxy')
    .description('Reverse proxy, load balancer and process supervisor.')
    .option(
      '-c, --config <file>',
      'configuration: upstreams.json, nginx.conf or supervisord.conf (default: found in this directory)',
    )
    .option(
      '--programs <file>',
      'supervisord.conf, or a folder of its fragments: what it runs, beside the configuration or alone',
    )
    .option(
      '-p, --prefix <dir>',
      'directory that relative paths start from (default: that of the configuration)',
    )
    .option('-t, --test', 'test the configuration and exit')
    .option('-T, --dump', 'test the configuration, print it and exit')
    .option('-q, --quiet', 'with -t: print problems only')
    .option(
      '--allow-unsupported',
      'warn of directives that nginx knows and lbproxy does not yet, and go on without them',
    )
    .option(
      '--roll',
      'each reload restarts all programs, one process after the other, also what did not change',
    )
    .addOption(
      new Option('-s, --signal <signal>', 'tell the running lbproxy').choices([
        'stop',
        'quit',
        'reload',
        'reopen',
      ]),
    )
    .option('--dev', 'what is for development: request lines, causes on error pages (the same: lbproxy dev)')
    .option('-e, --error-log <file>', 'error log instead of the configured one ("stderr" for the terminal)')
    .option('-g, --directives <text>', 'directives in front of the configuration, in nginx syntax')
    .option('-v, --version', 'print the version')
    .argument('[file]', 'the configuration, as -c names it')
    .option('-V', 'print the version and how it was built')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', HELP)
    .exitOverride();
  program.command('ctl').description('see and steer what runs (lbproxy ctl help)');
  program.command('top').description('what passes and what runs, live in the terminal (lbproxy top --help)');
  program.command('logs').description('what programs printed, and print (lbproxy logs --help)');
  program.command('service').description('start lbproxy with the machine (lbproxy service --help)');
  program.command('trust').description('have browsers believe local certificates (lbproxy trust --help)');
  program.command('untrust').description('take that back');
  program.command('dev').description('start with what is for development: lbproxy dev [file]');
  program
    .command('run')
    .description('start an app n times, and balance: lbproxy run -n 4 -- python3 app.py --port={port}');
  program.command('serve').description('serve static files: lbproxy serve DIR [--spa]');
  program.command('init').description('look at the project here and write an upstreams.json for it');
  program.command('convert').description('print a configuration in the other syntax: lbproxy convert FILE');
  program.command('doctor').description('look for what keeps lbproxy from working here, and how to mend it');
  program.command('explain').description('what would become of a request, and why (lbproxy explain --help)');
  program.command('docs').description('write docs/DIRECTIVES.md and config/upstreams.schema.json');
  program.action(() => {});
  return program;
}

const HELP = `
Without a configuration:
  lbproxy 3000                                            an app on port 3000, behind http://localhost:8080
  lbproxy --from :8443 --to localhost:3000 --to localhost:3001  (lbproxy run --help has more)

Signals of the running process:
  TERM, INT  stop at once          HUP   reload the configuration
  QUIT       stop gracefully       USR1, USR2  reopen the logs

With --as-nginx as the first word, or called as "nginx", it has nginx's command line.
`;

/** Runs the command; the exit status. */
export async function runCli(args: readonly string[]): Promise<number> {
  bearClosedOutput();
  const [command, ...rest] = args;
  if (command === 'dev') return runOwn(rest, true);
  return runOwn(args, false);
}

/** A command of its own, else the main job. */
async function runOwn(args: readonly string[], dev: boolean): Promise<number> {
  const [command, ...rest] = args;
  const full = rest.length === 0 ? VERSION_FLAGS.get(command) : undefined;
  if (full !== undefined) return printVersion(full);
  if (command === 'ctl') return (await import('./control.ts')).control(rest);
  if (command === 'logs') return (await import('./logs/logs.ts')).runLogs(rest);
  if (command === 'top') return (await import('./top/top.ts')).runTop(rest);
  if (command === 'service') {
    const { runService, serviceIo } = await import('./service.ts');
    return runService(rest, serviceIo());
  }
  if (command === 'explain') {
    const { explainIo, runExplain } = await import('./explain.ts');
    return runExplain(rest, explainIo());
  }
  if (command === 'trust' || command === 'untrust')
    return (await import('./trust.ts')).runTrust(command, rest);
  if (command === 'convert') return (await import('./convert/convert.ts')).runConvert(rest, OWN_IO);
  if (command === 'init')
    return (await import('./init/init.ts')).init(rest, { ...OWN_IO, cwd: process.cwd() });
  if (command === 'doctor') return runDoctor(rest);
  if ((await import('./start/wish.ts')).isStart(args)) return runStart(args, dev);
  return runMain(args, dev);
}

async function runDoctor(args: readonly string[]): Promise<number> {
  const { doctor } = await import('./doctor/doctor.ts');
  const { surroundings } = await import('./doctor/surroundings.ts');
  return doctor(args, { ...OWN_IO, here: surroundings() });
}

async function runStart(args: readonly string[], dev: boolean): Promise<number> {
  const { start } = await import('./start/start.ts');
  const io = { print: OWN_IO.print, fail: (text: string) => OWN_IO.fail(`lbproxy: ${text}`) };
  return start(args, dev, { ...io, cwd: process.cwd(), serve: startServing });
}

async function startServing(options: CliOptions): Promise<number> {
  return (await import('./serving.ts')).startServing(options);
}

const OWN_IO = {
  print: (text: string): void => void process.stdout.write(`${text}\n`),
  fail: (text: string): void => void process.stderr.write(`${text}\n`),
};

async function runMain(args: readonly string[], dev: boolean): Promise<number> {
  const commander = await import('commander');
  const program = createProgram(commander);
  try {
    program.parse(args, { from: 'user' });
  } catch (error) {
    if (error instanceof commander.CommanderError) return error.exitCode;
    throw error;
  }
  const typed = program.opts<CliOptions & { version?: boolean; V?: boolean; dev?: boolean }>();
  const given =
    dev || typed.dev === true
      ? { ...typed, defaults: (await import('./start/development.ts')).DEVELOPMENT }
      : typed;
  if (given.version === true || given.V === true) return printVersion(given.V === true);
  const [file] = program.args;
  if (file === 'docs') return (await import('./docs.ts')).writeDocs();
  const problem = file === undefined ? undefined : whyNotFile(file, given);
  if (problem !== undefined) {
    process.stderr.write(`lbproxy: ${problem}\n`);
    return 1;
  }
  const options = file === undefined ? given : { ...given, config: file };
  if (options.test === true || options.dump === true)
    return (await import('./test-config.ts')).testConfig(options);
  if (options.signal !== undefined)
    return (await import('./send-signal.ts')).sendSignal(options.signal, options);
  return startServing(options);
}

/** Why an argument cannot be the configuration. */
function whyNotFile(file: string, { config, prefix = '.' }: CliOptions): string | undefined {
  if (config !== undefined) return `two configurations are named, ${file} and ${config}: name one`;
  if (/[./\\]/.test(file) || existsSync(file) || existsSync(join(prefix, file))) return undefined;
  return `there is no command "${file}", and no file of that name; see lbproxy --help`;
}
