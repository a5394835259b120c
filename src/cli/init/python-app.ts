// Apps in Python: Django, Flask, FastAPI, Tornado.
import type { AppFinding } from './finding.ts';
import { USUAL_APP } from './finding.ts';
import type { ProjectFiles } from './project-files.ts';

const USUAL_NAMES = [
  'app.py',
  'main.py',
  'server.py',
  'wsgi.py',
  'asgi.py',
  'serv.py',
  'run.py',
  'application.py',
];

export function findPythonApp(files: ProjectFiles): AppFinding | undefined {
  if (files.has('manage.py') && /django/i.test(files.text('manage.py'))) return django(files);
  const names = [...new Set([...USUAL_NAMES, ...files.names('.py')])].filter((name) => files.has(name));
  for (const find of [fastApi, flask, tornado])
    for (const name of names) {
      const found = find(files, name);
      if (found !== undefined) return found;
    }
  return undefined;
}

/** That of a virtual environment, if the project has one. */
function pythonOf(files: ProjectFiles): string {
  return files.first(['.venv/bin/python', 'venv/bin/python', 'env/bin/python']) ?? 'python3';
}

function requirements(files: ProjectFiles): string {
  return ['requirements.txt', 'pyproject.toml', 'Pipfile', 'setup.cfg']
    .map((name) => files.text(name))
    .join('\n');
}

const wants = (files: ProjectFiles, name: string): boolean =>
  new RegExp(`(?:^|["'\\s])${name}\\b`, 'im').test(requirements(files));

function django(files: ProjectFiles): AppFinding {
  const python = pythonOf(files);
  const advice = [
    "Django: behind https it needs SECURE_PROXY_SSL_HEADER = ('HTTP_X_FORWARDED_PROTO', 'https') and CSRF_TRUSTED_ORIGINS with the site's address",
    'Django: add the name of the site to ALLOWED_HOSTS; localhost works while DEBUG is on',
  ];
  const site = files.directories().find((name) => files.has(`${name}/wsgi.py`));
  const common = { ...USUAL_APP, name: 'django', what: 'Django (manage.py)', advice };
  if (site !== undefined && wants(files, 'uvicorn') && files.has(`${site}/asgi.py`))
    return {
      ...common,
      command: `${python} -m uvicorn ${site}.asgi:application --port {port}`,
      why: 'uvicorn is among the requirements',
    };
  if (site !== undefined && wants(files, 'gunicorn'))
    return {
      ...common,
      command: `${python} -m gunicorn ${site}.wsgi --bind 127.0.0.1:{port}`,
      why: 'gunicorn is among the requirements',
    };
  return {
    ...common,
    command: `${python} manage.py runserver --noreload 127.0.0.1:{port}`,
    why: "Django's own server, as neither gunicorn nor uvicorn is among the requirements: for development",
  };
}

function flask(files: ProjectFiles, name: string): AppFinding | undefined {
  const text = files.text(name);
  const made = /^(\w+)\s*(?::[^=]*)?=\s*(?:flask\.)?Flask\(/m.exec(text)?.[1];
  const isFactory = made === undefined && /^def create_app\(/m.test(text) && /\bflask\b/i.test(text);
  if (made === undefined && !isFactory) return undefined;
  const module = moduleOf(name);
  const app = isFactory ? `${module}:create_app()` : `${module}:${made}`;
  const python = pythonOf(files);
  const advice = [
    'Flask: app.wsgi_app = ProxyFix(app.wsgi_app, x_proto=1, x_host=1) makes url_for know https and the name of the site',
  ];
  const common = { ...USUAL_APP, name: 'flask', what: `Flask (${name})`, advice };
  if (wants(files, 'gunicorn'))
    return {
      ...common,
      command: `${python} -m gunicorn ${quoted(app)} --bind 127.0.0.1:{port}`,
      why: 'gunicorn is among the requirements',
    };
  return {
    ...common,
    command: `${python} -m flask run --port {port}`,
    environment: [['FLASK_APP', isFactory ? `${module}:create_app` : app]],
    why: "Flask's own server, as gunicorn is not among the requirements: for development",
  };
}

const quoted = (word: string): string => (/[()\s]/.test(word) ? `'${word}'` : word);

function fastApi(files: ProjectFiles, name: string): AppFinding | undefined {
  const made = /^(\w+)\s*(?::[^=]*)?=\s*(?:fastapi\.)?(?:FastAPI|Starlette)\(/m.exec(files.text(name))?.[1];
  if (made === undefined) return undefined;
  return {
    ...USUAL_APP,
    name: 'api',
    what: `FastAPI or Starlette (${name})`,
    command: `${pythonOf(files)} -m uvicorn ${moduleOf(name)}:${made} --port {port}`,
    why: 'uvicorn runs it; it believes X-Forwarded-Proto from 127.0.0.1',
  };
}

const moduleOf = (name: string): string => name.replace(/\.py$/, '');

function tornado(files: ProjectFiles, name: string): AppFinding | undefined {
  const text = files.text(name);
  if (!/^(?:import|from) tornado\b/m.test(text) || !/\.listen\(|HTTPServer\(/.test(text)) return undefined;
  const python = pythonOf(files);
  const advice = [
    'Tornado: HTTPServer(app, xheaders=True) or app.listen(port, xheaders=True) makes it know the client and https',
    'Tornado: check_origin of a WebSocketHandler compares Origin with Host, which arrives as the browser sent it',
  ];
  const common = { ...USUAL_APP, name: 'tornado', what: `Tornado (${name})`, advice, readTimeout: '300s' };
  const told = toldPort(text, name, python);
  return { ...common, ...told };
}

/** How a script learns its port: an option, the environment, or not at all. */
function toldPort(
  text: string,
  name: string,
  python: string,
): Pick<AppFinding, 'command' | 'why' | 'fixedPort'> {
  const command = `${python} ${name}`;
  if (/define\(\s*["']port["']|add_argument\(\s*["']--port["']/.test(text))
    return { command: `${command} --port={port}`, fixedPort: null, why: 'it has an option --port' };
  if (/environ(?:\.get)?[([]\s*["']PORT["']|getenv\(\s*["']PORT["']/.test(text))
    return { command, fixedPort: null, why: 'it reads PORT from its environment' };
  if (/sys\.argv\[1\]/.test(text))
    return { command: `${command} {port}`, fixedPort: null, why: 'it takes its port as the first argument' };
  const port = /\.listen\(\s*(\d{2,5})\b/.exec(text)?.[1];
  return {
    command,
    fixedPort: port === undefined ? 8888 : Number(port),
    why: 'its port stands in its code: one process only, until it has an option --port',
  };
}
