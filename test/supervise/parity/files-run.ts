// One supervisord file, run by Debian's supervisord and then by lbproxy in the same place: what either made of it.
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { PipeSource } from '../../../src/supervise/stdio-pipes.ts';
import { freePorts } from '../../support/free-ports.ts';
import { MAIN } from '../../support/main-file.ts';
import { run as runProgram } from '../../support/supervisord.ts';
import type { SupervisordFile } from './files.ts';

const STAND_IN = readFileSync(new URL('./stand-in.pl', import.meta.url), 'utf8');

/** What real files run; each is the stand-in. */
const PROGRAMS = (
  'app beanstalkd celery celeryd cron crond daphne dockerd dotnet flask gunicorn hypercorn java mailhog memcached mongod mysqld ' +
  'nginx node npm php php-fpm php7.4 postgres python puma redis-server rsyslogd rq ruby runserver.sh sidekiq sshd start.sh superfcgi ' +
  'superlance tornado uvicorn uwsgi varnishd worker.sh xvfb zookeeper apache2 memmon crashmail listener'
).split(' ');

export interface Outcome {
  /** How it ended: by its own will when it refused the file, by SIGTERM otherwise. */
  readonly exit: number | string | null;
  readonly processes: readonly Readonly<Record<string, string>>[];
  /** Each start of each process. */
  readonly starts: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** supervisorctl status: its exit status and its lines. */
  readonly status: readonly (string | number)[];
  /** Path → kind, mode, owner and contents, while it runs and after its end. */
  readonly files: Readonly<Record<string, string>>;
  readonly filesAfter: Readonly<Record<string, string>>;
  /** Lines of programs on its own streams. */
  readonly printed: readonly string[];
  /** All that it printed, for a person. */
  readonly said: string;
}

type Program = 'supervisord' | 'lbproxy';

export function runBoth(file: SupervisordFile): Promise<Readonly<Record<Program, Outcome>>> {
  return inSite(async (site) => {
    const supervisord = await new Run(file, site, 'supervisord').outcome();
    rmSync(site.dir, { recursive: true });
    return { supervisord, lbproxy: await new Run(file, site, 'lbproxy').outcome() };
  });
}

export function runLbproxy(file: SupervisordFile): Promise<Outcome> {
  return inSite((site) => new Run(file, site, 'lbproxy').outcome());
}

async function inSite<T>(run: (site: Site) => Promise<T>): Promise<T> {
  const base = mkdtempSync(join(tmpdir(), 'lbproxy-parity-'));
  chmodSync(base, 0o755);
  try {
    const [port] = await freePorts(1);
    const site = { dir: join(base, 'site'), outside: join(base, 'outside'), port };
    mkdirSync(site.outside);
    return await run(site);
  } finally {
    rmSync(base, { recursive: true, force: true, maxRetries: 5 });
  }
}

interface Site {
  readonly dir: string;
  /** For what is not compared. */
  readonly outside: string;
  readonly port: number;
}

const SERVER = `[unix_http_server]
file={dir}/run/s.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
`;
const FRAGMENTS = `[supervisord]
nodaemon=true
[include]
files=conf.d/*.conf
`;

/** Two seconds let startsecs=1 pass, whatever the rhythm of supervisord's loop. */
const LEAST_MS = 2300;
const MOST_MS = 14_000;
const ANSWERS_MS = 20_000;
const ENDS_MS = 20_000;
const FINAL = new Set(['RUNNING', 'STOPPED', 'EXITED', 'FATAL']);

class Run {
  readonly #file: SupervisordFile;
  readonly #site: Site;
  readonly #program: Program;
  #said = '';
  #heard: Promise<unknown> = Promise.resolve();
  /** Of the last answer: who runs, by pid. */
  #running: readonly { readonly pid: string; readonly who: string }[] = [];

  constructor(file: SupervisordFile, site: Site, program: Program) {
    this.#file = file;
    this.#site = site;
    this.#program = program;
  }

  async outcome(): Promise<Outcome> {
    const conf = this.#makeTree();
    const child = this.#spawn(conf);
    const ended = new Promise<number | string | null>((resolve) => {
      child.once('exit', (code, signal) => resolve(code ?? signal));
      child.once('error', (error) => resolve(String(error)));
    });
    const late = setTimeout(() => child.kill('SIGKILL'), ANSWERS_MS + MOST_MS + ENDS_MS);
    try {
      return this.#file.refused === true ? await this.#refusal(ended) : await this.#watch(child, ended);
    } finally {
      child.kill('SIGKILL');
      this.#endLeft();
      clearTimeout(late);
    }
  }

  #makeTree(): string {
    const { dir } = this.#site;
    for (const name of [
      '',
      'bin',
      'records',
      'run',
      'log',
      'tmp',
      'conf.d',
      'app',
      ...(this.#file.dirs ?? []),
    ])
      mkdirSync(join(dir, name), { recursive: true });
    chmodSync(join(dir, 'records'), 0o1777);
    chmodSync(join(dir, 'tmp'), 0o1777);
    const standIn = join(dir, 'bin', 'stand-in.pl');
    writeFileSync(standIn, STAND_IN.replaceAll('{records}', join(dir, 'records')), { mode: 0o755 });
    for (const name of PROGRAMS) symlinkSync('stand-in.pl', join(dir, 'bin', name));
    for (const [name, text] of Object.entries(this.#file.files ?? {})) {
      mkdirSync(dirname(join(dir, name)), { recursive: true });
      writeFileSync(join(dir, name), this.#filled(text), { mode: text.startsWith('#!') ? 0o755 : 0o644 });
    }
    return this.#writeMain();
  }

  /** The path of the file that is run. */
  #writeMain(): string {
    const { dir } = this.#site;
    const { text } = this.#file;
    const main = join(dir, 'supervisord.conf');
    if (typeof text !== 'string') {
      writeFileSync(main, text);
      return main;
    }
    if (!this.#file.fragment) {
      const own = this.#file.refused === true || /_http_server\]/.test(text);
      writeFileSync(main, this.#filled(own ? text : SERVER + text));
      return main;
    }
    writeFileSync(join(dir, 'conf.d', 'app.conf'), this.#filled(text));
    writeFileSync(main, this.#filled(SERVER + FRAGMENTS));
    return main;
  }

  #filled(text: string): string {
    return text.replaceAll('{dir}', this.#site.dir).replaceAll('{port}', String(this.#site.port));
  }

  #spawn(conf: string): ChildProcess {
    const { dir, outside } = this.#site;
    const [command, ...args] =
      this.#program === 'supervisord'
        ? ['/usr/bin/supervisord', '-n', '-c', conf]
        : [process.execPath, MAIN, '--programs', conf];
    // A real pipe, as in an image: what Node makes is a socket, which /dev/stdout does not open.
    const pipes = new PipeSource();
    const output = pipes.output(null);
    pipes.close();
    if (output === null) throw new Error('mkfifo is missing');
    const child = spawn(command, args, {
      cwd: dir,
      detached: true,
      stdio: ['ignore', output.child, output.child],
      env: {
        PATH: `${dir}/bin:/usr/bin:/bin`,
        HOME: outside,
        USER: 'somebody',
        LOGNAME: 'somebody',
        LANG: 'C.UTF-8',
        TMPDIR: join(dir, 'tmp'),
        XDG_STATE_HOME: join(outside, 'state'),
        // Told to either: what Node has made of lbproxy's sources already.
        NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? '',
        APP_ENV: 'production',
        APP_PORT: '8000',
        GREETING: 'grüß dich',
      },
    });
    closeSync(output.child);
    const heard = new Socket({ fd: output.ours, writable: false });
    heard.setEncoding('utf8').on('data', (chunk: string) => {
      this.#said += chunk;
    });
    this.#heard = new Promise((resolve) => {
      heard.once('close', resolve).once('error', resolve);
    });
    return child;
  }

  /** What supervisord does not stop (it signals no groups), or left when it was killed: all that has this run's environment. */
  #endLeft(): void {
    const mark = `XDG_STATE_HOME=${join(this.#site.outside, 'state')}\0`;
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        if (readFileSync(`/proc/${pid}/environ`, 'utf8').includes(mark)) process.kill(Number(pid), 'SIGKILL');
      } catch {
        // It is gone.
      }
    }
  }

  async #refusal(ended: Promise<number | string | null>): Promise<Outcome> {
    const timeout = pause(ANSWERS_MS).then(() => 'did not end');
    const exit = await Promise.race([ended, timeout]);
    await Promise.race([this.#heard, pause(2000)]);
    if (exit === 0 || typeof exit !== 'number')
      throw new Error(`${this.#program} did not refuse the file (${exit}): ${this.#said}`);
    return {
      exit: 'an error',
      processes: [],
      starts: this.#starts(),
      status: [],
      files: {},
      filesAfter: {},
      printed: [],
      said: this.#said,
    };
  }

  async #watch(child: ChildProcess, ended: Promise<number | string | null>): Promise<Outcome> {
    const processes = await this.#settled(child);
    const status = await this.#status();
    const files = this.#tree();
    child.kill('SIGTERM');
    const exit = await Promise.race([ended, pause(ENDS_MS).then(() => 'did not end')]);
    await Promise.race([this.#heard, pause(2000)]);
    return {
      exit,
      processes,
      starts: this.#starts(),
      status,
      files,
      filesAfter: this.#tree(),
      printed: this.#said
        .split('\n')
        .flatMap((line) => /says .*/.exec(line)?.[0] ?? [])
        .sort(),
      said: this.#said,
    };
  }

  async #settled(child: ChildProcess): Promise<Outcome['processes']> {
    const started = Date.now();
    let answeredAt = 0;
    let last: Outcome['processes'] | undefined;
    for (;;) {
      last = await this.#processes().catch(() => undefined);
      const now = Date.now();
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`it ended: ${this.#said}`);
      if (last === undefined && now - started > ANSWERS_MS) throw new Error(`no answer: ${this.#said}`);
      if (last !== undefined && answeredAt === 0) answeredAt = now;
      if (last !== undefined && now - answeredAt >= (this.#file.afterMs ?? LEAST_MS)) {
        const isFinal =
          last.every(({ statename }) => FINAL.has(statename)) || this.#file.afterMs !== undefined;
        if ((isFinal && this.#areStill(child)) || now - answeredAt > MOST_MS) return last;
      }
      await pause(100);
    }
  }

  async #processes(): Promise<Outcome['processes']> {
    const text = await this.#call('supervisor.getAllProcessInfo');
    const infos = [...text.matchAll(/<struct>(.*?)<\/struct>/gs)].map(([, struct]) => membersOf(struct));
    this.#running = infos
      .filter(({ pid }) => Number(pid) > 0)
      .map(({ pid, group, name }) => ({ pid, who: `${group}:${name}` }));
    return infos.map((info) => this.#process(info));
  }

  /** A process that runs may still be a copy of its parent, or a stand-in that has not said what it has to say, or will end. */
  #areStill(child: ChildProcess): boolean {
    const wordsOf = (pid: string): string => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        return '';
      }
    };
    const own = wordsOf(String(child.pid));
    const records = readdirSync(join(this.#site.dir, 'records'));
    return this.#running.every(({ pid, who }) => {
      const words = wordsOf(pid);
      if (words === '' || words === own) return false;
      if (this.#file.afterMs === undefined && words.includes('\0@after=')) return false;
      const isStandIn = words.split('\0')[1]?.startsWith(`${this.#site.dir}/bin/`);
      return !isStandIn || records.some((name) => name.startsWith(`${who} `));
    });
  }

  #process(info: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    const { pid, start, stop, now, ...fields } = info;
    return {
      ...fields,
      description: (fields.description ?? '')
        .replace(/pid \d+, uptime \d+:\d\d:\d\d/, 'pid N, uptime T')
        .replace(/^\w{3} \d\d \d\d:\d\d [AP]M$/, 'DATE'),
      logfile: shownPath(fields.logfile),
      stdout_logfile: shownPath(fields.stdout_logfile),
      stderr_logfile: shownPath(fields.stderr_logfile),
      hasPid: String(Number(pid) > 0),
      hasStarted: String(Number(start) > 0),
      hasStopped: String(Number(stop) > 0),
    };
  }

  #call(method: string): Promise<string> {
    const { dir, port } = this.#site;
    const { server } = this.#file;
    const where =
      server?.port === true
        ? { host: '127.0.0.1', port }
        : { socketPath: join(dir, server?.path ?? 'run/s.sock') };
    const body = `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params></params></methodCall>`;
    const headers = { 'Content-Type': 'text/xml', 'Content-Length': String(Buffer.byteLength(body)) };
    return new Promise((resolve, reject) => {
      const asked = request(
        {
          ...where,
          auth: server?.login,
          agent: false,
          method: 'POST',
          path: '/RPC2',
          headers,
          timeout: 5000,
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            text += chunk;
          });
          response.once('error', reject);
          response.once('end', () =>
            response.statusCode === 200 ? resolve(text) : reject(new Error(`status ${response.statusCode}`)),
          );
        },
      );
      asked.once('timeout', () => asked.destroy(new Error('no answer')));
      asked.once('error', reject);
      asked.end(body);
    });
  }

  async #status(): Promise<Outcome['status']> {
    const { dir, port } = this.#site;
    const { server } = this.#file;
    const url =
      server?.port === true
        ? `http://127.0.0.1:${port}`
        : `unix://${join(dir, server?.path ?? 'run/s.sock')}`;
    const login = server?.login === undefined ? [] : loginOptions(server.login);
    const own = join(this.#site.outside, 'supervisorctl.conf');
    writeFileSync(own, '[supervisorctl]\n');
    const { status, stdout, stderr } = await runProgram(
      '/usr/bin/supervisorctl',
      ['-c', own, '-s', url, ...login, 'status'],
      '',
    );
    if (stderr !== '' || status > 3)
      throw new Error(`supervisorctl status ended with ${status}: ${stderr}${stdout}`);
    const lines = stdout
      .replaceAll(/pid \d+, uptime \d+:\d\d:\d\d/g, 'pid N, uptime T')
      .replaceAll(/\w{3} \d\d \d\d:\d\d [AP]M/g, 'DATE');
    return [status, ...lines.split('\n')];
  }

  #starts(): Outcome['starts'] {
    const { dir } = this.#site;
    const names = readdirSync(join(dir, 'records')).filter((name) => !name.startsWith('.'));
    return Object.fromEntries(
      names.sort().map((name) => [name, JSON.parse(readFileSync(join(dir, 'records', name), 'utf8'))]),
    );
  }

  #contents(path: string): string {
    const text = readFileSync(path, 'utf8');
    const isUnordered = this.#file.unordered?.test(path) ?? false;
    return JSON.stringify(isUnordered ? text.split('\n').sort() : text);
  }

  #tree(): Readonly<Record<string, string>> {
    const { dir } = this.#site;
    const found: [string, string][] = [];
    const walk = (folder: string): void => {
      for (const name of readdirSync(folder).sort()) {
        const path = join(folder, name);
        const shown = relative(dir, path);
        if (NOT_COMPARED.test(shown)) continue;
        const stat = lstatSync(path);
        const kind = stat.isDirectory()
          ? 'folder'
          : stat.isSocket()
            ? 'socket'
            : stat.isFile()
              ? 'file'
              : 'other';
        const text = kind === 'file' && !isOwn(path) ? ` ${this.#contents(path)}` : '';
        found.push([
          shownPath(shown),
          `${kind} ${(stat.mode & 0o7777).toString(8)} ${stat.uid}:${stat.gid}${text}`,
        ]);
        if (stat.isDirectory()) walk(path);
      }
    };
    walk(dir);
    return Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** The stand-ins, their records, the files that are read, and pipes before they are used. */
const NOT_COMPARED = /^(?:bin|records|supervisord\.conf|conf\.d|tmp\/lbproxy-pipes-\w+)$/;

function membersOf(struct: string): Readonly<Record<string, string>> {
  const members = [
    ...struct.matchAll(/<name>(\w+)<\/name>\s*<value>\s*(?:<\w+\/>|<(\w+)>(.*?)<\/\2>)?\s*<\/value>/gs),
  ];
  return Object.fromEntries(members.map(([, name, , value]) => [name, value ?? '']));
}

/** What supervisord itself writes: only that it is there is compared. */
function isOwn(path: string): boolean {
  return /supervisord?\.(?:log|pid)$/.test(path);
}

/** AUTO logs have a random part. */
function shownPath(path: string): string {
  return path.replace(/-[a-z0-9_]{8}\.log$/, '-RANDOM.log');
}

function loginOptions(login: string): string[] {
  const [user, password] = login.split(':');
  return ['-u', user, '-p', password];
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
