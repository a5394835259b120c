// Debian's Supervisor as the truth to compare with: runs a supervisord in a directory of its own and asks it over its socket.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MAIN } from './main-file.ts';

const BINARY = '/usr/bin/supervisord';
export const PYTHON = '/usr/bin/python3';

/** `4.2.5`; '' when Supervisor is not installed. */
export const supervisorVersion = (spawnSync(BINARY, ['-v'], { encoding: 'utf8' }).stdout ?? '').trim();

if (supervisorVersion === '') {
  if (process.env.CI) throw new Error(`${BINARY} is missing: in CI the comparison with Supervisor must run`);
  console.warn(`\n*** ${BINARY} is missing: the comparison with Supervisor is SKIPPED ***\n`);
}

export interface SupervisorReference {
  /** Its own directory: supervisord.log, and whatever the configuration writes to `{dir}`. */
  readonly dir: string;
  readonly pid: number;
  log(): string;
  /** Calls a method of its interface and gives the XML that it answered; rejects on a fault. */
  call(method: string, ...params: readonly (string | number | boolean)[]): Promise<string>;
  /** Ends it and what it runs, and removes the directory. */
  stop(): Promise<void>;
}

/** Starts supervisord with these sections; `{dir}` in them is its own directory. Resolves once it answers. */
export function startSupervisor(sections: string, dir = newDirectory()): Promise<SupervisorReference> {
  return start([BINARY, '-n', '-s', '-c'], sections, dir);
}

/** lbproxy in its place, with the same configuration. */
export function startInItsPlace(sections: string, dir = newDirectory()): Promise<SupervisorReference> {
  return start([process.execPath, MAIN, '-c'], sections, dir);
}

const newDirectory = (): string => mkdtempSync(join(tmpdir(), 'lbproxy-supervisor-'));

async function start(
  command: readonly string[],
  sections: string,
  dir: string,
): Promise<SupervisorReference> {
  const file = join(dir, 'supervisord.conf');
  writeFileSync(file, configuration(sections, dir));
  const env = { ...process.env, XDG_STATE_HOME: join(dir, 'state') };
  const [program, ...words] = [...command, file];
  const child = spawn(program, words, { cwd: dir, env, stdio: 'ignore', detached: true });
  const stop = async (): Promise<void> => {
    await end(child);
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  };
  const log = (): string =>
    existsSync(join(dir, 'supervisord.log')) ? readFileSync(join(dir, 'supervisord.log'), 'utf8') : '';
  const call = (method: string, ...params: readonly (string | number | boolean)[]): Promise<string> =>
    callMethod(join(dir, 'supervisor.sock'), method, params);
  for (let i = 0; i < 400; i++) {
    const answer = await call('supervisor.getPID').catch(() => undefined);
    if (answer !== undefined) return { dir, pid: child.pid ?? 0, log, call, stop };
    if (child.exitCode !== null) break;
    await pause(25);
  }
  const said = log();
  await stop();
  throw new Error(`${command[0]} did not start: ${said}`);
}

function configuration(sections: string, dir: string): string {
  return `[supervisord]
logfile=${dir}/supervisord.log
loglevel=debug
pidfile=${dir}/supervisord.pid
childlogdir=${dir}
identifier=supervisor
${process.getuid?.() === 0 ? 'user=root' : ''}
[unix_http_server]
file=${dir}/supervisor.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
${sections.replaceAll('{dir}', dir)}
`;
}

function callMethod(
  socketPath: string,
  method: string,
  params: readonly (string | number | boolean)[],
): Promise<string> {
  const body = Buffer.from(
    `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params>${params
      .map((param) => `<param><value>${typed(param)}</value></param>`)
      .join('')}</params></methodCall>`,
  );
  return new Promise((resolve, reject) => {
    // A connection each: one that is kept may be closed by supervisord just as it is used again.
    const headers = { 'Content-Type': 'text/xml', 'Content-Length': body.length };
    const asked = request(
      { agent: false as const, socketPath, method: 'POST', path: '/RPC2', headers, timeout: 10_000 },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.once('error', reject);
        response.once('end', () => {
          if (response.statusCode === 200 && !text.includes('<fault>')) resolve(text);
          else reject(new Error(`${method}: ${response.statusCode} ${text}`));
        });
      },
    );
    asked.once('error', reject);
    asked.once('timeout', () => asked.destroy(new Error(`${method}: no answer`)));
    asked.end(body);
  });
}

function typed(param: string | number | boolean): string {
  if (typeof param === 'boolean') return `<boolean>${param ? 1 : 0}</boolean>`;
  if (typeof param === 'number') return `<int>${param}</int>`;
  return `<string>${param.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</string>`;
}

/** It stops its programs first; a group a second; after ten seconds it has no more time. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(late);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
