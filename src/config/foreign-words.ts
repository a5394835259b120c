// Words that other tools have for what is called otherwise here, by the place where people write them. Only for messages.
import type { Context } from './row.ts';

const PROGRAM = {
  cmd: 'command',
  exec: 'command',
  script: 'command',
  args: 'command',
  workdir: 'directory',
  working_dir: 'directory',
  workingDirectory: 'directory',
  processes: 'numprocs',
  replicas: 'numprocs',
  count: 'numprocs',
  port: 'first_port',
  restart: 'autorestart',
  kill_timeout: 'stopwaitsecs',
  kill_signal: 'stopsignal',
};
const UPSTREAM = {
  algorithm: 'method',
  balance: 'method',
  policy: 'method',
  strategy: 'method',
  backends: 'servers',
  peers: 'servers',
  targets: 'servers',
};
const SERVER = {
  port: 'listen',
  ports: 'listen',
  bind: 'listen',
  host: 'server_name',
  hosts: 'server_name',
  domain: 'server_name',
  domains: 'server_name',
  names: 'server_name',
  cert: 'certificate',
  key: 'certificate_key',
  routes: 'locations',
  paths: 'locations',
};
const LOCATION = {
  target: 'proxy_pass',
  backend: 'proxy_pass',
  upstream: 'proxy_pass',
  proxy: 'proxy_pass',
  reverse_proxy: 'proxy_pass',
  headers: 'proxy_set_header',
  timeout: 'proxy_read_timeout',
  dir: 'root',
  static: 'root',
};
const TOP = { apps: 'programs', processes: 'programs', backends: 'upstreams', groups: 'upstreams' };

const WORDS: Partial<Readonly<Record<Context, Readonly<Record<string, string>>>>> = {
  program: PROGRAM,
  upstream: UPSTREAM,
  server: { ...LOCATION, ...SERVER },
  location: LOCATION,
  'if in location': LOCATION,
  main: TOP,
  http: TOP,
};

/** Words that nothing here is called like, and what to write. */
const ADVICE: Readonly<Record<string, string>> = {
  else: 'what stands behind the "if" is for all others; or write a second if with !=',
  https: 'write "listen": "443 ssl" and "certificate": "…"',
  tls: 'write "listen": "443 ssl" and "certificate": "…"',
};

/** What to write instead of a word that has no counterpart of one word; undefined when it is no such word. */
export function adviceFor(name: string, context: Context): string | undefined {
  const plural = /^(location|upstream|program)\s+(.+)$/s.exec(name);
  if (plural !== null) return `write "${plural[1]}s": { ${JSON.stringify(plural[2])}: { … } }`;
  const isTop = context === 'main' || context === 'http';
  if (isTop && Object.hasOwn(SERVER, name))
    return `here it is "${SERVER[name as keyof typeof SERVER]}", in "servers"`;
  return Object.hasOwn(ADVICE, name) ? ADVICE[name] : undefined;
}

/** What a foreign word is called here, in a context; undefined when it is no such word. */
export function ownWordFor(name: string, context: Context): string | undefined {
  const words = WORDS[context];
  return words !== undefined && Object.hasOwn(words, name) ? words[name] : undefined;
}
