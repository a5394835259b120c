// `lbproxy service`: prints, installs and removes what starts lbproxy with the machine: a systemd unit, or a SysV script.
import { execFile } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, realpathSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { readPlainFile, replaceFile } from '../shared/replace-file.ts';
import { readOptions, readPlan, type ServiceOptions, USAGE } from './service/read-plan.ts';
import { type ServicePlan, sealOf } from './service/service-plan.ts';
import { systemdUnit } from './service/systemd-unit.ts';
import { sysvScript } from './service/sysv-script.ts';

/** A start that waits for slow programs takes its time; what hangs must not hang us. */
const COMMAND_LIMIT_MS = 600_000;

/** What the command touches besides its arguments. */
export interface ServiceIo {
  print(text: string): void;
  fail(text: string): void;
  /** In front of the paths of /etc; empty but in tests and images that are being built. */
  readonly root: string;
  readonly uid: number;
  /** ~/.config, or what XDG_CONFIG_HOME says. */
  readonly configHome: string;
  /** It is there, running or not; without, a SysV script is what is written. */
  readonly hasSystemd: boolean;
  /** It is what this machine was started by: it can be told. */
  readonly systemdRuns: boolean;
  /** lbproxy's own command: node, its options and the script, absolute. */
  readonly command: readonly string[];
  /** Runs a command; its exit status (127 where there is none) and what it printed. */
  run(command: string, args: readonly string[]): Promise<{ readonly code: number; readonly text: string }>;
}

export function serviceIo(): ServiceIo {
  return {
    print: (text) => void process.stdout.write(`${text}\n`),
    fail: (text) => void process.stderr.write(`lbproxy: ${text}\n`),
    root: '',
    uid: process.getuid?.() ?? 0,
    configHome: process.env.XDG_CONFIG_HOME || join(homedir(), '.config'),
    hasSystemd: ['/run/systemd/system', '/lib/systemd/system', '/usr/lib/systemd/system'].some(existsSync),
    // sd_booted(3)
    systemdRuns: existsSync('/run/systemd/system'),
    command: [process.execPath, ...process.execArgv, realpathSync(process.argv[1] ?? '.')],
    run: (command, args) =>
      new Promise((resolve) => {
        execFile(command, args, { timeout: COMMAND_LIMIT_MS }, (error, stdout, stderr) => {
          const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 127;
          resolve({ code, text: `${stdout}${stderr}`.trim() || (error?.message ?? '') });
        });
      }),
  };
}

/** Runs the command with the arguments that follow `service`; the exit status: 2 for a wrong command line. */
export async function runService(args: readonly string[], io: ServiceIo): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    io.print(USAGE);
    return 0;
  }
  const options = readOptions(args);
  if (typeof options === 'string') {
    io.fail(options);
    return 2;
  }
  const place = placeOf(options, io);
  if (options.action === 'uninstall') return uninstall(place, io);
  const plan = readPlan(options, io.command);
  if (typeof plan === 'string') {
    io.fail(plan);
    return 1;
  }
  for (const warning of warningsOf(plan, options)) io.fail(`warning: ${warning}`);
  const text = place.kind === 'sysv' ? sysvScript(plan) : systemdUnit(plan, options.ofUser);
  if (options.action === 'install') return install(place, text, io);
  io.print(text.trimEnd());
  return 0;
}

interface Place {
  readonly kind: 'systemd' | 'user' | 'sysv';
  readonly name: string;
  readonly path: string;
}

function placeOf({ name, ofUser, sysv }: ServiceOptions, io: ServiceIo): Place {
  const unit = `${name}.service`;
  if (ofUser) return { kind: 'user', name, path: join(io.root, io.configHome, 'systemd/user', unit) };
  if (sysv || !io.hasSystemd) return { kind: 'sysv', name, path: join(io.root, '/etc/init.d', name) };
  return { kind: 'systemd', name, path: join(io.root, '/etc/systemd/system', unit) };
}

function warningsOf(plan: ServicePlan, { ofUser }: ServiceOptions): readonly string[] {
  const { config, user, hasLowPort } = plan;
  const warnings: string[] = [];
  if (ofUser && hasLowPort)
    warnings.push(
      `${config} listens on a port below 1024, which a unit of a user may not: use another port, or --system`,
    );
  return user === null && !ofUser
    ? [
        ...warnings,
        'lbproxy will run as root, its programs too unless they set user; --user USER names another',
      ]
    : warnings;
}

/** Commands that follow the writing of the file, or precede and follow its removal. */
function commandsOf({ kind, name }: Place) {
  const systemctl = kind === 'user' ? ['systemctl', '--user'] : ['systemctl'];
  if (kind === 'sysv')
    return {
      start: [
        ['update-rc.d', name, 'defaults'],
        ['service', name, 'start'],
      ],
      stop: [['service', name, 'stop']],
      forget: [['update-rc.d', name, 'remove']],
    };
  return {
    start: [
      [...systemctl, 'daemon-reload'],
      [...systemctl, 'enable', '--now', name],
    ],
    stop: [[...systemctl, 'disable', '--now', name]],
    forget: [[...systemctl, 'daemon-reload']],
  };
}

/** Whether it can be told now, by whoever runs this. */
function canTell({ kind }: Place, { root, uid, systemdRuns }: ServiceIo): boolean {
  if (root !== '') return false;
  return kind === 'user' ? systemdRuns : uid === 0 && (kind === 'sysv' ? !systemdRuns : systemdRuns);
}

async function install(place: Place, text: string, io: ServiceIo): Promise<number> {
  const problem = whyNotWritten(place, io) ?? write(place, text);
  if (problem !== undefined) {
    io.fail(problem);
    return 1;
  }
  io.print(`wrote ${place.path}`);
  const { start } = commandsOf(place);
  if (place.kind === 'user') io.print('to have it run while you are not logged in: loginctl enable-linger');
  if (canTell(place, io)) return runAll(start, io);
  io.print(`next:\n${start.map((words) => `  ${words.join(' ')}`).join('\n')}`);
  return 0;
}

async function uninstall(place: Place, io: ServiceIo): Promise<number> {
  const problem = existsSync(place.path)
    ? whyNotWritten(place, io)
    : `${place.path} does not exist: nothing was removed; --name, --user-unit and --sysv say which service`;
  if (problem !== undefined) {
    io.fail(problem);
    return 1;
  }
  const { stop, forget } = commandsOf(place);
  const tells = canTell(place, io);
  // One that was never enabled, or has failed, is no reason to keep the file.
  const stopped = tells ? await runAll(stop, io) : 0;
  try {
    rmSync(place.path);
  } catch (error) {
    io.fail(`cannot remove ${place.path}: ${(error as Error).message}`);
    return 1;
  }
  io.print(`removed ${place.path}`);
  if (tells) return (await runAll(forget, io)) || stopped;
  io.print(
    `where it was enabled:\n${[...stop, ...forget].map((words) => `  ${words.join(' ')}`).join('\n')}`,
  );
  return 0;
}

/** Why the file is not ours to write or to remove; undefined where it is, or is not there. */
function whyNotWritten({ kind, path }: Place, { uid, root }: ServiceIo): string | undefined {
  if (kind !== 'user' && uid !== 0 && root === '')
    return `${path} is root's: run it with sudo, or use --user-unit, or "service print" and have root write it`;
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  let text: string;
  try {
    ({ text } = readPlainFile(path));
  } catch (error) {
    return `${path} is no plain file, so lbproxy did not write it (${(error as Error).message}): remove it or choose another --name`;
  }
  const state = sealOf(text);
  if (state === 'ours') return undefined;
  const own = kind === 'sysv' ? `/etc/default` : `"systemctl edit"`;
  return state === 'edited'
    ? `${path} was changed since lbproxy wrote it: remove it yourself, after keeping what you changed (${own} is the place for that)`
    : `${path} is not of lbproxy: choose another --name, or remove it yourself`;
}

/** What went wrong, or undefined. */
function write({ kind, path }: Place, text: string): string | undefined {
  try {
    mkdirSync(dirname(path), { recursive: true });
    replaceFile(path, text, kind === 'sysv' ? 0o755 : 0o644);
    return undefined;
  } catch (error) {
    return `cannot write ${path}: ${(error as Error).message}`;
  }
}

/** Stops at the first that fails, and says what is left to do. */
async function runAll(commands: readonly (readonly string[])[], io: ServiceIo): Promise<number> {
  for (const [i, [command, ...args]] of commands.entries()) {
    const words = [command, ...args].join(' ');
    const { code, text } = await io.run(command, args);
    if (code === 0) {
      io.print(`ran ${words}`);
      continue;
    }
    const rest = commands.slice(i + 1).map((left) => left.join(' '));
    io.fail(
      `${words}: ${text === '' ? `status ${code}` : text}${rest.length > 0 ? `; then: ${rest.join('; ')}` : ''}`,
    );
    return 1;
  }
  return 0;
}
