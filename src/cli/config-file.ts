// Which file is the configuration.
import { existsSync } from 'node:fs';
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

/** A sentence for a start without a configuration. */
export const NO_CONFIG = `no configuration: name one with --config FILE, or put one of ${CANDIDATES.join(', ')} here; lbproxy init writes one for a project, and lbproxy 3000 needs none`;
