// The face of nginx: where its files are, and what holds where a configuration says nothing.
import { dirname, isAbsolute, resolve } from 'node:path';
import type { OwnSettings } from '../../config/settings.ts';
import { DEFAULT_BUFFERING } from '../../observe/rows.ts';
import { Accounts } from '../../supervise/ini/accounts.ts';
import type { CliOptions } from '../cli-options.ts';
import type { NginxArgs } from './argv.ts';
import { CONFIG, ERROR_LOG, PREFIX } from './usage.ts';

export interface NginxOptions extends CliOptions {
  readonly config: string;
  readonly prefix: string;
  /** What -e names, absolute or `stderr`: messages of the start go there, and those of a configuration without an error_log. */
  readonly firstLog: string;
}

export function optionsOf(args: NginxArgs): NginxOptions {
  const prefix = resolve(args.prefix ?? PREFIX);
  const within = (path: string): string => (isAbsolute(path) ? path : `${prefix}/${path}`);
  const log = args.errorLog ?? ERROR_LOG;
  const firstLog = log === 'stderr' || log === '' ? 'stderr' : within(log);
  const config = within(args.config ?? CONFIG);
  return {
    config,
    prefix,
    test: args.test,
    dump: args.dump,
    quiet: args.quiet,
    mayIdle: true,
    allowUnsupported: args.allowUnsupported,
    firstLog,
    defaults: { ...defaultsOf(prefix, firstLog), configPrefix: dirname(config) },
    ...(args.directives === undefined ? {} : { directives: args.directives }),
  };
}

function defaultsOf(prefix: string, firstLog: string): OwnSettings {
  const log = { path: `${prefix}/logs/access.log`, format: 'combined', ...DEFAULT_BUFFERING };
  return {
    face: 'nginx',
    earlyHints: [],
    acceptors: 1,
    workerConnections: 512,
    workerShutdownTimeoutMs: 0,
    pidFile: `${prefix}/logs/nginx.pid`,
    errorLog: [{ path: firstLog, level: 'error' }],
    accessLog: [{ ...log, condition: null }],
    fileRoot: { path: `${prefix}/html`, alias: false },
    mimeTypes: [
      ['html', 'text/html'],
      ['gif', 'image/gif'],
      ['jpg', 'image/jpeg'],
    ],
    // nginx has no limit.
    maxRanges: Number.MAX_SAFE_INTEGER,
    daemon: true,
    keepaliveDisable: ['msie6'],
    runAs: { user: 'nobody', group: groupOfNobody() },
  };
}

/** What nginx's configure asks for: systems differ in its name. */
function groupOfNobody(): string {
  return new Accounts().group('nobody') === undefined ? 'nogroup' : 'nobody';
}
