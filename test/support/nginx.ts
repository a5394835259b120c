// Debian's nginx as the truth to compare with: started on a port of its own in a directory of its own, asked over a socket.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { freePorts } from './free-ports.ts';

const BINARY = '/usr/sbin/nginx';
const found = spawnSync(BINARY, ['-v'], { encoding: 'utf8' });

/** `nginx/1.22.1`; '' when nginx is not installed. */
export const nginxVersion = /nginx\/[\d.]+/.exec(found.stderr ?? '')?.[0] ?? '';

if (nginxVersion === '') {
  if (process.env.CI) throw new Error(`${BINARY} is missing: in CI the comparison with nginx must run`);
  console.warn(`\n*** ${BINARY} is missing: the comparison with nginx is SKIPPED ***\n`);
}

/** Lines of `http { }` that keep nginx out of the directories of its installation. */
export function tempPaths(dir: string): string {
  return ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((n) => `${n}_temp_path ${dir}/${n};`)
    .join(' ');
}

export interface NginxReference {
  readonly port: number;
  /** Its own directory: error.log and whatever the configuration writes to `{dir}`. */
  readonly dir: string;
  stop(): Promise<void>;
}

/** Starts nginx with one server; `server` is what stands in the server block, `http` what stands before it. */
export async function startNginx(server: string, http = ''): Promise<NginxReference> {
  const port = await freePort();
  return startNginxHttp(`${http} server { listen 127.0.0.1:${port}; ${server} }`, port);
}

/** Starts nginx, one process, with what stands in `http { }`; `{dir}` in it is its own directory. `port` is only told back. */
export async function startNginxHttp(http: string, port: number, netns = ''): Promise<NginxReference> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lbproxy-nginx-'));
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  fs.writeFileSync(
    path.join(dir, 'nginx.conf'),
    `daemon off; master_process off; ${user} pid ${dir}/pid; error_log ${dir}/error.log;
     events { worker_connections 4096; }
     http { access_log off; ${tempPaths(dir)} ${http.replaceAll('{dir}', dir)} }`,
  );
  const words = [BINARY, '-p', dir, '-c', path.join(dir, 'nginx.conf'), '-e', path.join(dir, 'error.log')];
  // `ip netns exec` becomes nginx, so that the child is nginx in both cases.
  const [program, ...args] = netns === '' ? words : ['ip', 'netns', 'exec', netns, ...words];
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const stop = () => stopChild(child, dir);
  for (let i = 0; i < 200; i++) {
    // Written once its sockets listen (ngx_init_cycle).
    if (fs.existsSync(path.join(dir, 'pid'))) return { port, dir, stop };
    if (child.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  await stop();
  throw new Error(`nginx did not start: ${stderr}`);
}

/** What `nginx -t` says of a whole configuration; '' when it has nothing against it. */
export function nginxComplaint(dir: string, text: string): string {
  const file = path.join(dir, 'asked.conf');
  fs.writeFileSync(file, `pid ${dir}/pid;`.repeat(/^\s*pid /.test(text) ? 0 : 1) + text);
  const { status, stderr } = spawnSync(
    BINARY,
    ['-t', '-p', dir, '-c', file, '-e', path.join(dir, 'asked.log')],
    {
      encoding: 'utf8',
    },
  );
  return status === 0 ? '' : stderr;
}

async function stopChild(child: ChildProcess, dir: string): Promise<void> {
  if (child.exitCode === null) {
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
  }
  fs.rmSync(dir, { recursive: true, force: true });
}

/** A port of 127.0.0.1 that nobody listens on, and that no client is given meanwhile. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port;
}

export interface WireAnswer {
  readonly status: number;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** Sends one request as it stands and reads the answer by its Content-Length. */
export function ask(port: number, request: string): Promise<WireAnswer> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const socket = net.connect(port, '127.0.0.1', () => socket.write(request, 'latin1'));
    const settle = (): void => {
      const answer = readAnswer(bytes, request.startsWith('HEAD '));
      if (answer === null) return;
      socket.destroy();
      resolve(answer);
    };
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      settle();
    });
    socket.setTimeout(5000, () => socket.destroy(new Error(`no whole answer to ${request}`)));
    socket.on('error', reject);
    socket.on('end', () => socket.destroy(new Error(`closed before a whole answer to ${request}`)));
  });
}

function readAnswer(bytes: Buffer, headOnly: boolean): WireAnswer | null {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const [statusLine, ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const fields = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const status = Number(statusLine.split(' ')[1]);
  const length = Number(fields.find(([name]) => name === 'Content-Length')?.[1] ?? 0);
  const body = bytes.subarray(end + 4);
  if (headOnly || status === 304 || status === 204) return { status, fields, body };
  return body.length < length ? null : { status, fields, body };
}
