// Where the live view of the lbproxy is that is meant: its address and token lie in the state directory (cluster/live-view.ts).
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { readPlainFile } from '../../shared/replace-file.ts';
import { ownConfig, stateDirOfRun } from '../running.ts';
import { controlSocketOf, usualStateDir } from '../state-places.ts';

export interface ViewPlace {
  readonly host: string;
  readonly port: number;
  readonly token: string;
}

/** A text says why there is none, and what to do. */
export async function findView(named: string | undefined): Promise<ViewPlace | string> {
  if (named !== undefined && !existsSync(named))
    return `there is no configuration ${named}: name the one that lbproxy runs with`;
  const file = named ?? ownConfig();
  const stateDir = file === undefined ? usualStateDir() : await stateDirOfRun(file);
  const place = readPlace(join(stateDir, 'live-view.url'));
  if (place !== null && (await answers(place))) return place;
  if (file === undefined) return NOBODY;
  const socket = controlSocketOf(stateDir, file);
  return socket !== null && (await answers(socket)) ? viewOff(file) : notRunning(file);
}

function readPlace(path: string): ViewPlace | null {
  let text: string;
  try {
    const plain = readPlainFile(path);
    if ((plain.stat.mode & 0o077) !== 0) return null;
    text = plain.text.trim();
  } catch {
    return null;
  }
  const [, host, port, token] = /^http:\/\/([\d.]+|\[[\da-f:]+\]):(\d+)\/#([\w-]+)$/i.exec(text) ?? [];
  return token === undefined ? null : { host: host.replace(/^\[|\]$/g, ''), port: Number(port), token };
}

/** What this machine has answers at once. */
const PROBE_LIMIT_MS = 1000;

function answers(where: string | ViewPlace): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = typeof where === 'string' ? connect(where) : connect(where.port, where.host);
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

const shown = (file: string): string => (/^[\w./-]+$/.test(file) ? file : JSON.stringify(file));

const notRunning = (file: string): string =>
  `no lbproxy runs with ${file}; start it with: lbproxy dev ${shown(file)}`;

const viewOff = (file: string): string =>
  `the live view of ${file} is off, and lbproxy top reads it. Write at the top of the file\n` +
  (/\.json$/.test(file)
    ? '  "live_view": "on", "inspector": "8m", "count_traffic": "on",\n'
    : '  live_view on; inspector 8m;      and, in http:  count_traffic on;\n') +
  `and reload (lbproxy -c ${shown(file)} -s reload), or start it with: lbproxy dev ${shown(file)}`;

const NOBODY =
  'there is no configuration here, and no lbproxy runs with a live view: start one with lbproxy dev FILE or lbproxy 3000, or name its ' +
  'configuration: lbproxy top -c FILE';
