// Which server is meant: by its URL, or by the configuration that it runs with. supervisord.conf says it in [supervisorctl]; lbproxy's
// own socket is found by the file.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { basename, resolve } from 'node:path';
import { BadConfiguration } from './bad-configuration.ts';
import { type ClientSection, readClientSection } from './client-section.ts';
import type { Found } from './session.ts';

export interface FindOptions {
  /** -c */
  readonly file: string | undefined;
  /** -s */
  readonly url: string | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

/** What the caller knows of lbproxy's own files. */
export interface Surroundings {
  /** lbproxy's own configuration that is found in this directory. */
  readonly ownConfig: () => string | undefined;
  /** Path of the socket of the lbproxy that runs with a configuration; null where that cannot be said. */
  readonly controlSocketOf: (file: string) => Promise<string | null>;
}

export interface Finding {
  readonly server: Found | { readonly problem: string };
  /** The shell's, without `> `. */
  readonly prompt: string;
  readonly historyFile: string | null;
}

const SUPERVISOR_FILES = [
  'supervisord.conf',
  'etc/supervisord.conf',
  '/etc/supervisord.conf',
  '/etc/supervisor/supervisord.conf',
];
const PROMPT = 'lbproxy';
/** A socket of this machine answers at once, or nobody is there. */
const PROBE_LIMIT_MS = 1000;

export async function findServer(options: FindOptions, around: Surroundings): Promise<Finding> {
  const { url, file = url === undefined ? defaultFile(around) : undefined } = options;
  const section = file === undefined ? null : sectionOf(file);
  const login = {
    username: options.username ?? section?.username ?? null,
    password: options.password ?? section?.password ?? null,
  };
  const look = { prompt: section?.prompt ?? PROMPT, historyFile: section?.historyFile ?? null };
  if (url !== undefined) return { ...look, server: { url, ...login, advice: adviceOfUrl(url) } };
  if (file === undefined) return { ...look, server: { problem: NOTHING_FOUND } };
  const own = await around.controlSocketOf(file);
  const advice = adviceOf(file, section !== null);
  const ownServer = own === null ? null : { url: `unix://${own}`, ...login, advice };
  // A supervisord.conf names the socket of whoever runs with it; lbproxy has its own besides.
  const named = section === null || section.url === null ? null : { url: section.url, ...login, advice };
  if (ownServer !== null && (named === null || (await answers(ownServer.url.slice('unix://'.length)))))
    return { ...look, server: ownServer };
  return {
    ...look,
    server: named ?? { problem: `${file} does not say where its server listens: ${advice}` },
  };
}

function defaultFile(around: Surroundings): string | undefined {
  return around.ownConfig() ?? SUPERVISOR_FILES.find((path) => existsSync(path));
}

/** null for a file of lbproxy's own, and for a folder of fragments. */
function sectionOf(file: string): ClientSection | null {
  if (!existsSync(file)) throw new BadConfiguration(`could not find config file ${file}`);
  try {
    if (statSync(file).isDirectory()) return null;
    const text = readFileSync(file, 'utf8');
    return isIni(text) ? readClientSection(text, resolve(file)) : null;
  } catch (error) {
    if (error instanceof BadConfiguration) throw error;
    throw new BadConfiguration(`could not read config file ${file}: ${(error as Error).message}`);
  }
}

/** Its first line with anything but a comment is a section's header. */
function isIni(text: string): boolean {
  return /^\uFEFF?(?:[ \t]*(?:[#;].*)?\r?\n)*\[[^\]\n]+\]/.test(text);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (is: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(is);
    };
    const timer = setTimeout(() => end(false), PROBE_LIMIT_MS);
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}

function adviceOf(file: string, isIniFile: boolean): string {
  const who = isIniFile ? 'neither lbproxy nor supervisord runs' : 'no lbproxy runs';
  return `${who} with ${file}; start it with: lbproxy -c ${/^[\w./-]+$/.test(file) ? file : JSON.stringify(file)}`;
}

function adviceOfUrl(url: string): string {
  const where = url.startsWith('unix://') ? basename(url) : url;
  return `nobody listens at ${where}: start lbproxy, or name its configuration with -c FILE`;
}

const NOTHING_FOUND =
  'no configuration here: name one with -c FILE (supervisord.conf or lbproxy’s own), or a server with -s URL';
