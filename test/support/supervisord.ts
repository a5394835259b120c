// Debian's Supervisor as the truth to compare with: supervisord in a directory of its own, its supervisorctl, and Python's ServerProxy.
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

const [SUPERVISORD, SUPERVISORCTL, PYTHON] = [
  '/usr/bin/supervisord',
  '/usr/bin/supervisorctl',
  '/usr/bin/python3',
];
const found = spawnSync(SUPERVISORD, ['--version'], { encoding: 'utf8' });

/** `4.2.5`; '' when Supervisor is not installed. */
export const supervisorVersion = (found.stdout ?? '').trim();

if (supervisorVersion === '') {
  if (process.env.CI)
    throw new Error(`${SUPERVISORD} is missing: in CI the comparison with Supervisor must run`);
  console.warn(`\n*** ${SUPERVISORD} is missing: the comparison with Supervisor is SKIPPED ***\n`);
}

export interface Supervisord {
  /** unix:///… */
  readonly url: string;
  readonly dir: string;
  stop(): Promise<void>;
}

/** `{dir}` in the programs is its own directory. */
export async function startSupervisord(programs: string): Promise<Supervisord> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lbproxy-supervisord-'));
  const socket = path.join(dir, 's.sock');
  const conf = path.join(dir, 'supervisord.conf');
  fs.writeFileSync(
    conf,
    `[unix_http_server]\nfile=${socket}\n` +
      `[supervisord]\nlogfile=${dir}/main.log\npidfile=${dir}/pid\nchildlogdir=${dir}\n` +
      '[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n' +
      programs.replaceAll('{dir}', dir),
  );
  const child = spawn(SUPERVISORD, ['-n', '-c', conf], { stdio: ['ignore', 'ignore', 'pipe'], cwd: dir });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  for (let i = 0; i < 200; i++) {
    if (await accepts(socket)) return { url: `unix://${socket}`, dir, stop: () => stop(child, dir) };
    if (child.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await stop(child, dir);
  throw new Error(`supervisord did not start: ${stderr}`);
}

function accepts(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(socketPath);
    const finish = (yes: boolean): void => {
      socket.destroy();
      resolve(yes);
    };
    socket.once('connect', () => finish(true)).once('error', () => finish(false));
  });
}

async function stop(child: ChildProcess, dir: string): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once('exit', () => resolve());
  });
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 15_000);
  await ended;
  clearTimeout(late);
  fs.rmSync(dir, { recursive: true, force: true });
}

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The words that run the real supervisorctl. `conf` is a file of ctlConf: nothing of this machine's configuration is read. */
export function ctlWords(conf: string, url: string, args: readonly string[]): readonly string[] {
  return [SUPERVISORCTL, '-c', conf, '-s', url, ...args];
}

/** supervisorctl wants a file with a section of its own. */
export function ctlConf(dir: string): string {
  const file = path.join(dir, 'ctl.conf');
  fs.writeFileSync(file, '[supervisorctl]\n');
  return file;
}

export function supervisorctl(conf: string, url: string, args: readonly string[]): Promise<Ran> {
  const [file, ...words] = ctlWords(conf, url, args);
  return run(file, words, '');
}

export function run(file: string, args: readonly string[], input: string, limitMs = 30_000): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(
      file,
      args,
      {
        timeout: limitMs,
        encoding: 'utf8',
        maxBuffer: 256 * 1024 * 1024,
        env: { ...process.env, LC_ALL: 'C.UTF-8' },
      },
      (error, stdout, stderr) =>
        resolve({ status: error === null ? 0 : Number(error.code ?? -1), stdout, stderr }),
    );
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

const CALLS = `
import sys, json, time, datetime, xmlrpc.client as x
from supervisor.xmlrpc import SupervisorTransport
work = json.load(sys.stdin)
user, password = work.get('user'), work.get('password')
proxy = x.ServerProxy('http://127.0.0.1', SupervisorTransport(user, password, work['url']), allow_none=True)
out = []
def python(v):
    if isinstance(v, dict) and list(v) == ['$time']: return datetime.datetime(*v['$time'])
    if isinstance(v, dict) and list(v) == ['$bytes']: return x.Binary(v['$bytes'].encode())
    if isinstance(v, dict) and list(v) == ['$float']: return float(v['$float'])
    if isinstance(v, dict): return {k: python(w) for k, w in v.items()}
    if isinstance(v, list): return [python(w) for w in v]
    return v
def until(holds):
    end = time.time() + 20
    while time.time() < end:
        try:
            if holds(): return
        except x.Fault: pass
        time.sleep(0.03)
for step in work['steps']:
    if step[0] == 'is':
        until(lambda: proxy.supervisor.getProcessInfo(step[1])['statename'] in step[2])
        continue
    if step[0] == 'said':
        until(lambda: step[2] in proxy.supervisor.readProcessStdoutLog(step[1], 0, 0))
        continue
    method, args = step
    f = proxy
    for part in method.split('.'): f = getattr(f, part)
    try:
        out.append({'answer': f(*[python(a) for a in args])})
    except x.Fault as e: out.append({'fault': [e.faultCode, e.faultString]})
    except x.ProtocolError as e: out.append({'http': e.errcode})
    except Exception as e: out.append({'error': type(e).__name__})
print(json.dumps(out))
`;

/** Waits for a state of a process, or for a text in its log; nothing comes of it. */
export type Wait =
  | readonly ['is', name: string, states: readonly string[]]
  | readonly ['said', name: string, text: string];
/** Of arguments, {$time: […]}, {$bytes: text} and {$float: n} are those of Python. */
export type Call = readonly [method: string, args: readonly unknown[]];
export type Step = Call | Wait;

export const isWait = (step: Step): step is Wait => step[0] === 'is' || step[0] === 'said';

export type Outcome =
  | { readonly answer: unknown }
  | { readonly fault: readonly [number, string] }
  | { readonly http: number }
  | { readonly error: string };

/** Calls through Python's ServerProxy and Supervisor's own transport, one connection for all. */
export async function pythonCalls(
  url: string,
  steps: readonly Step[],
  login: { readonly user: string; readonly password: string } | null = null,
): Promise<readonly Outcome[]> {
  const ran = await run(PYTHON, ['-c', CALLS], JSON.stringify({ url, steps, ...login }), 60_000);
  if (ran.status !== 0) throw new Error(`Python failed: ${ran.stderr}`);
  return JSON.parse(ran.stdout);
}

export function python(script: string, input: string): Promise<Ran> {
  return run(PYTHON, ['-c', script], input, 60_000);
}
