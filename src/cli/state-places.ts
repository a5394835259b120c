// Which file is the configuration, and where what belongs to it is kept: all that `lbproxy ctl`, which is to answer at once, has to load.
import { createHash } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { CliOptions } from './cli-options.ts';

/** Looked for, in this order, when no file is named. */
const CANDIDATES = [
  'upstreams.json',
  'lbproxy.json',
  'nginx.conf',
  'config/upstreams.json',
  'conf/nginx.conf',
  'supervisord.conf',
];

/** The configuration file: the one that was named, or the first candidate of this directory. */
export function configFile(options: CliOptions): string | undefined {
  if (options.config !== undefined) {
    return options.prefix !== undefined && !existsSync(options.config)
      ? join(options.prefix, options.config)
      : options.config;
  }
  // Programs alone are a configuration.
  if (options.programs !== undefined) return options.programs;
  return configFilesIn(options.prefix ?? '.')[0];
}

/** The candidates that are there. */
export function configFilesIn(directory: string): readonly string[] {
  const paths = CANDIDATES.map((name) => (directory === '.' ? name : join(directory, name)));
  return paths.filter((path) => existsSync(path));
}

/** Of a configuration that names none. */
export function usualStateDir(): string {
  return join(process.env.XDG_STATE_HOME ?? join(homedir(), '.local', 'state'), 'lbproxy');
}

/** A name for files that belong to a configuration, by its path. */
export function nameOf(path: string): string {
  return createHash('sha256').update(path).digest('hex').slice(0, 12);
}

/** What the runs of a configuration are called in the state directory. */
export function runNameOf(file: string): string {
  return nameOf(realpathSync(file));
}

/** The most that a path of a Unix socket may have (unix(7)), less what it is called until its rights are set. */
const MOST_SOCKET_BYTES = 97;

/** lbproxy's own control socket for a configuration; null where the state directory's path is too long for one. */
export function controlSocketOf(directory: string, file: string): string | null {
  const path = join(directory, `${runNameOf(file)}.sock`);
  return Buffer.byteLength(path) > MOST_SOCKET_BYTES ? null : path;
}

/** A sentence for a start without a configuration. */
export const NO_CONFIG = `no configuration: name one with --config FILE, or put one of ${CANDIDATES.join(', ')} here; lbproxy init writes one for a project, and lbproxy 3000 needs none`;
