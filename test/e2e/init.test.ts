// lbproxy init on eight small projects: what it writes starts and serves. Frameworks that are not installed (Vite, Next) have a stand-in
// with their command line in node_modules/.bin; Django, Flask and Tornado are Debian's.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { init } from '../../src/cli/init/init.ts';
import { freePorts } from '../support/free-ports.ts';
import { MAIN } from '../support/main-file.ts';

const LIMIT_MS = 180_000;

const hasModule = (name: string): boolean => {
  try {
    execFileSync('/usr/bin/python3', ['-c', `import ${name}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

/** A command that serves as the tool of its name does: the page of the project, on the port that it is told. */
const standIn = (flag: string): string => `#!/usr/bin/env node
const http = require('node:http');
const port = Number(process.argv[process.argv.indexOf('${flag}') + 1]);
http.createServer((req, res) => res.end(process.argv.slice(2).join(' ') + ' ' + req.url)).listen(port, '127.0.0.1');
`;

interface Project {
  readonly files: Readonly<Record<string, string>>;
  readonly path?: string;
  readonly answer: string | RegExp;
  /** What the file has to say. */
  readonly says: readonly string[];
  readonly module?: string;
}

const DJANGO_SETTINGS = `
SECRET_KEY = 'x'
DEBUG = True
ROOT_URLCONF = 'site1.urls'
ALLOWED_HOSTS = []
INSTALLED_APPS = []
USE_TZ = True
`;

const PROJECTS: Readonly<Record<string, Project>> = {
  Django: {
    module: 'django',
    files: {
      'manage.py':
        "import os, sys\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site1.settings')\nfrom django.core.management import execute_from_command_line\nexecute_from_command_line(sys.argv)\n",
      'site1/__init__.py': '',
      'site1/settings.py': DJANGO_SETTINGS,
      'site1/wsgi.py': '',
      'site1/urls.py':
        "from django.urls import path\nfrom django.http import HttpResponse\nurlpatterns = [path('', lambda r: HttpResponse('django ' + r.get_host()))]\n",
    },
    answer: /^django 127\.0\.0\.1:\d+$/,
    says: ['python3 manage.py runserver --noreload 127.0.0.1:{port}', "Django's own server"],
  },
  Flask: {
    module: 'flask',
    files: {
      'app.py':
        "from flask import Flask, request\nsite = Flask(__name__)\n@site.route('/')\ndef hello():\n    return 'flask ' + request.headers['X-Forwarded-Proto']\n",
      'requirements.txt': 'Flask\n',
    },
    answer: 'flask http',
    says: ['python3 -m flask run --port {port}', '"FLASK_APP": "app:site"'],
  },
  Tornado: {
    module: 'tornado',
    files: {
      'serv.py':
        "import tornado.ioloop, tornado.web\nfrom tornado.options import define, options, parse_command_line\ndefine('port', default=8888, type=int)\nclass Main(tornado.web.RequestHandler):\n    def get(self):\n        self.write('tornado')\nparse_command_line()\ntornado.web.Application([('/', Main)]).listen(options.port, '127.0.0.1')\ntornado.ioloop.IOLoop.current().start()\n",
    },
    answer: 'tornado',
    says: ['python3 serv.py --port={port}', 'it has an option --port'],
  },
  Express: {
    files: {
      'package.json': '{ "scripts": { "start": "node server.js" }, "dependencies": {} }',
      'server.js':
        "const http = require('node:http');\nhttp.createServer((req, res) => res.end('node')).listen(process.env.PORT || 3000);\n",
    },
    answer: 'node',
    says: ['"command": "node server.js"', 'it gets its port as PORT'],
  },
  Vite: {
    files: {
      'package.json': '{ "scripts": { "dev": "vite" }, "devDependencies": { "vite": "^6" } }',
      'index.html': '<div id="app"></div>',
      'node_modules/.bin/vite': standIn('--port'),
    },
    path: '/src/main.js',
    answer: /^--host 127\.0\.0\.1 --port \d+ --strictPort \/src\/main\.js$/,
    says: [
      'node_modules/.bin/vite --host 127.0.0.1 --port {port} --strictPort',
      '"proxy_read_timeout": "300s"',
    ],
  },
  Next: {
    files: {
      'package.json': '{ "scripts": { "dev": "next dev" }, "dependencies": { "next": "15" } }',
      'node_modules/.bin/next': standIn('-p'),
    },
    answer: /^dev -p \d+ \/$/,
    says: ['node_modules/.bin/next dev -p {port}'],
  },
  static: {
    files: { 'public/index.html': '<p>pages', 'public/a.txt': 'a', 'public/.env': 'secret' },
    answer: '<p>pages',
    says: ['"root": "public"', 'files as they are'],
  },
  'supervisord.conf': {
    files: {
      'supervisord.conf':
        '[program:site]\ncommand=node serve.mjs --port=%(ENV_FIRST)s%(process_num)d\nprocess_name=%(program_name)s%(process_num)d\nnumprocs=2\n',
      'serve.mjs':
        "import http from 'node:http';\nhttp.createServer((req, res) => res.end('supervised')).listen(Number(process.argv[2].split('=')[1]), '127.0.0.1');\n",
      'package.json': '{ "scripts": { "start": "node other.js" } }',
    },
    answer: 'supervised',
    says: ['from a configuration of Supervisor (supervisord.conf)', '"upstreams"', '"numprocs": 2'],
  },
};

const dirs: string[] = [];
const children: ChildProcess[] = [];
afterAll(() => {
  for (const { pid } of children) {
    try {
      process.kill(-(pid ?? 0), 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
});

function make(files: Readonly<Record<string, string>>): string {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-init-'));
  dirs.push(dir);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
    if (name.includes('.bin/')) chmodSync(join(dir, name), 0o755);
  }
  return dir;
}

async function run(args: readonly string[], cwd: string) {
  const out: string[] = [];
  const said: string[] = [];
  const code = await init(args, { print: (text) => out.push(text), fail: (text) => said.push(text), cwd });
  return { code, out: out.join('\n'), said: said.join('\n') };
}

async function serve(dir: string, env: Readonly<Record<string, string>>): Promise<void> {
  const child = spawn(process.execPath, [MAIN, '-g', 'worker_processes 1;'], {
    cwd: dir,
    env: {
      ...process.env,
      XDG_STATE_HOME: join(dir, 'state'),
      PATH: `/usr/bin:${dirname(process.execPath)}:${process.env.PATH}`,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  children.push(child);
  let printed = '';
  await new Promise<void>((resolve, reject) => {
    const see = (text: string): void => {
      printed += text;
      if (printed.includes('is ready')) resolve();
    };
    child.stdout.setEncoding('utf8').on('data', see);
    child.stderr.setEncoding('utf8').on('data', see);
    child.once('close', () => reject(new Error(printed)));
  });
}

/** Waits for slow frameworks, whose first answers may be 502. */
async function answerOf(port: number, path: string): Promise<string> {
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`);
    const text = await answer.text();
    if (answer.status !== 502 && answer.status !== 504) return text;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe('lbproxy init', () => {
  it.concurrent.each(Object.entries(PROJECTS))(
    'writes a file that starts and serves: %s',
    async (_, { files, answer, says, path = '/', module }) => {
      if (module !== undefined) expect(hasModule(module), `Debian's python3-${module} is needed`).toBe(true);
      const dir = make(files);
      const [front, ...ports] = await freePorts(12);
      // Two digits: Supervisor's process_num counts from 0.
      const first = ports.find((port) => port % 10 === 0 && ports.includes(port + 1)) ?? 0;
      process.env.FIRST = String(Math.floor(first / 10));
      const { code, said } = await run([], dir);
      expect(said).toBe('');
      expect(code).toBe(0);
      const file = join(dir, 'upstreams.json');
      const text = readFileSync(file, 'utf8');
      for (const part of says) expect(text).toContain(part);
      // Several of these run at once: each has its own ports.
      const own = text
        .replace(/"listen": \d+/, `"listen": "127.0.0.1:${front}"`)
        .replace(/"first_port": 80\d\d/, `"first_port": ${ports[4]}`);
      writeFileSync(file, own);
      await serve(dir, { FIRST: String(Math.floor(first / 10)) });
      const got = await answerOf(front, path);
      if (typeof answer === 'string') expect(got).toBe(answer);
      else expect(got).toMatch(answer);
      if ('public/.env' in files) expect((await fetch(`http://127.0.0.1:${front}/.env`)).status).toBe(404);
    },
    LIMIT_MS,
  );

  it('replaces no file unless it is forced to, and prints where that is wished', async () => {
    const dir = make({ 'index.html': 'x', 'upstreams.json': 'mine' });
    const kept = await run([], dir);
    expect(kept.said).toContain('exists: --force replaces it, --print shows what would be written');
    expect(kept.code).toBe(1);
    expect(readFileSync(join(dir, 'upstreams.json'), 'utf8')).toBe('mine');
    expect((await run(['--print'], dir)).out).toContain('"root": "."');
    expect(readFileSync(join(dir, 'upstreams.json'), 'utf8')).toBe('mine');
    expect((await run(['--force'], dir)).out).toContain(
      'wrote upstreams.json; now: lbproxy -t, then: lbproxy dev',
    );
    expect(readFileSync(join(dir, 'upstreams.json'), 'utf8')).toContain('"root": "."');
  });

  it('takes the servers of an nginx.conf as they are', async () => {
    const dir = make({
      'nginx.conf': '# the site\nhttp { server { listen 8099; location / { return 204; } } }\n',
    });
    const { code, out } = await run(['--print'], dir);
    expect(code).toBe(0);
    for (const part of [
      '// from a configuration of nginx (nginx.conf)',
      '// the site',
      '"listen": 8099',
      '"forwarded_headers": false',
    ])
      expect(out).toContain(part);
  });

  it('says what of the project the file leaves alone', async () => {
    const nginx = 'http { server { listen 8099; location / { return 204; } } }\n';
    const dir = make({ 'nginx.conf': nginx, 'app.py': 'app = Flask(__name__)', 'public/index.html': 'x' });
    const { out } = await run([], dir);
    expect(out).toContain('found pages (public/index.html), left to a configuration of nginx (nginx.conf)');
    expect(out).toContain(
      'note: Flask (app.py) is not started by upstreams.json, as nginx.conf says where it listens',
    );
  });

  it('says what is wrong with one', async () => {
    const dir = make({ 'nginx.conf': 'http { server { lissten 1; } }\n' });
    const { code, said } = await run([], dir);
    expect(said).toContain('nginx.conf:1:17: unknown directive "lissten"');
    expect(code).toBe(1);
    expect(existsSync(join(dir, 'upstreams.json'))).toBe(false);
  });

  it('joins pages and data of two apps, and says that it guesses', async () => {
    const dir = make({
      'package.json': '{ "devDependencies": { "vite": "6" } }',
      'main.py': 'from fastapi import FastAPI\napp = FastAPI()\n',
    });
    const { out } = await run(['--print'], dir);
    expect(out).toContain('// a guess: what FastAPI or Starlette (main.py) answers');
    expect(out).toMatch(/"\/api\/": "http:\/\/api",\n.*\n +"\/": \{\n +"proxy_pass": "http:\/\/vite"/);
    expect(out).toContain('python3 -m uvicorn main:app --port {port}');
  });

  it.each([
    [
      { 'app.py': 'import tornado.web\nx.listen(9000)\n' },
      '"first_port": 9000',
      'its port stands in its code',
    ],
    [
      { 'a.js': '', 'server.mjs': 'import http; http.createServer().listen(3000)' },
      '"first_port": 3000',
      'node server.mjs',
    ],
    [
      { 'app.py': 'from flask import Flask\ndef create_app():\n  pass\n' },
      '"FLASK_APP": "app:create_app"',
      'flask run',
    ],
    [
      { 'app.py': 'app = Flask(__name__)', 'requirements.txt': 'gunicorn>=20' },
      'python3 -m gunicorn app:app --bind 127.0.0.1:{port}',
      'gunicorn is among',
    ],
    [{ 'dist/index.html': '<div id="root"></div>' }, '"try_files": "$uri /index.html"', '"root": "dist"'],
    [
      { 'package.json': '{"scripts":{"start":"react-scripts start"}}' },
      '"command": "npm start"',
      'what npm start does',
    ],
  ])('%j', async (files, ...parts) => {
    const { out } = await run(['--print'], make(files as Readonly<Record<string, string>>));
    for (const part of parts) expect(out).toContain(part);
  });

  it.each([
    [[], 'nothing in', 1],
    [['none'], 'there is no directory', 1],
    [['a', 'b'], 'name one', 2],
    [['--x'], "Unknown option '--x'", 2],
  ])('%j in an empty directory', async (args, text, status) => {
    const { code, said } = await run(args, make({ 'README.txt': '' }));
    expect(said).toContain(text);
    expect(code).toBe(status);
  });
});
