// Where the live view of the lbproxy is that is meant: its address and token lie in the state directory (cockpit/kept-place.ts), under a
// name of its configuration.
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { type KeptPlace, placeFile, placesIn, readPlace } from '../../cockpit/kept-place.ts';
import { ownConfig, stateDirOfRun } from '../running.ts';
import { controlSocketOf, runNameOf, usualStateDir } from '../state-places.ts';

/** A text says why there is none, and what to do. */
export async function findView(named: string | undefined): Promise<KeptPlace | string> {
  if (named !== undefined && !existsSync(named))
    return `there is no configuration ${named}: name the one that lbproxy runs with${choices(await running())}`;
  const file = named ?? ownConfig();
  const own = file === undefined ? null : await viewOf(file);
  if (own !== null) return own;
  const others = await running();
  if (named === undefined && others.length === 1) return others[0];
  return `${file === undefined ? nobody(others) : notRunning(file)}${choices(others)}`;
}

/** That of a configuration; null where it does not run, and why where it has none. */
async function viewOf(file: string): Promise<KeptPlace | string | null> {
  const stateDir = await stateDirOfRun(file);
  const place = readPlace(placeFile(stateDir, runNameOf(file)));
  if (place !== null && (await answers(place))) return place;
  const socket = controlSocketOf(stateDir, file);
  return socket !== null && (await answers(socket)) ? viewOff(file) : null;
}

/** All whose state is in the usual place. */
async function running(): Promise<readonly KeptPlace[]> {
  const places = placesIn(usualStateDir());
  const alive = await Promise.all(places.map(answers));
  return places.filter((_, i) => alive[i]);
}

/** What this machine has answers at once. */
const PROBE_LIMIT_MS = 1000;

function answers(where: string | KeptPlace): Promise<boolean> {
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

const nobody = (others: readonly KeptPlace[]): string =>
  others.length === 0
    ? 'there is no configuration here, and no lbproxy runs with a live view: start one with lbproxy dev FILE or lbproxy 3000, or name its ' +
      'configuration: lbproxy top -c FILE'
    : 'several lbproxies run, and there is no configuration here that says which one is meant';

function choices(others: readonly KeptPlace[]): string {
  const lines = others.map(({ configuration }) => `\n  lbproxy top -c ${shown(configuration)}`);
  return others.length === 0 ? '' : `\nThose that run with a live view:${lines.toSorted().join('')}`;
}
