// What a configuration lets others have: a root that holds what lbproxy itself lives of, a key or a directory that is open to all. These
// are warnings: whoever wrote the file may know why.
import { lstatSync, realpathSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { placeOfLocal, placeOfSelfSigned } from '../cluster/needs.ts';
import { othersMayReplaceIn, problemOfStateDirectory } from '../cluster/state-directory.ts';
import type { Model } from '../config/model.ts';
import type { Directive, Position, Tree } from '../config/tree.ts';
import { modeText } from '../shared/replace-file.ts';
import { pidFilesOf, type ReadConfig, stateDirOf } from './read-config.ts';

type Warn = (at: Position, message: string) => void;

/** Something of lbproxy's own, by what it is called. */
interface Own {
  readonly what: string;
  readonly path: string;
}

/** `all` are the directives of all blocks, `logs` the files that are logged to. */
export function warnOfExposure(
  { file, model, tree, problems }: ReadConfig,
  all: readonly Directive[],
  logs: readonly string[],
): void {
  if (model === undefined || tree === undefined) return;
  const warn: Warn = (at, message) => problems.warn(at, message);
  const own = ownFiles(model, tree, file, logs);
  const known = new Map<string, string>();
  for (const directive of all) {
    if (directive.name !== 'root' && directive.name !== 'alias') continue;
    // Where a request has a say nobody knows before.
    const text = directive.args[0]?.text ?? '';
    if (text === '' || text.includes('$')) continue;
    const path = resolve(model.prefix, text);
    warnOfRoot(directive, { path, real: realOf(path, known) }, own, warn);
  }
  const made = placeOfSelfSigned(model) ?? placeOfLocal(model);
  const usesState = model.settings.pidFile === '' || made !== undefined;
  const open = usesState ? problemOfStateDirectory(stateDirOf(model)) : null;
  const place = all.find(({ name }) => name === 'state_path');
  if (open !== null) warn(place?.at ?? { file, line: 1, column: 1 }, open);
}

function ownFiles(model: Model, tree: Tree, file: string, logs: readonly string[]): Own[] {
  // What -g says has no file.
  const read = [...tree.sources.keys()].filter((name) => !name.startsWith('(')).map((name) => resolve(name));
  const keys = model.servers
    .flatMap(({ settings }) => settings.sslCertificateKey)
    .filter((key) => key !== '' && !key.startsWith('data:') && !key.includes('$'))
    .map((key) => resolve(model.prefix, key));
  const all: Own[] = [
    ...read.map((path) => ({ what: 'the configuration', path })),
    ...keys.map((path) => ({ what: 'a private key', path })),
    ...pidFilesOf(model, file).map((path) => ({ what: 'the pid file', path })),
    ...logs.map((path) => ({ what: 'a log', path })),
    { what: 'the state directory', path: stateDirOf(model) },
  ];
  return all.map(({ what, path }) => ({ what, path: realOf(path) }));
}

interface Root {
  readonly path: string;
  readonly real: string;
}

function warnOfRoot({ name, at }: Directive, { path, real }: Root, own: readonly Own[], warn: Warn): void {
  const within = own.filter(
    (each) => each.path === real || each.path.startsWith(real === sep ? sep : real + sep),
  );
  if (within.length === 0) return;
  const kinds = Map.groupBy(within, ({ what }) => what);
  const state = kinds.get('the state directory');
  const list = [...kinds].flatMap(([what, found]) => {
    // Those that lie in it are told with it.
    const rest = found.filter((each) => !state?.some((dir) => each.path.startsWith(dir.path + sep)));
    const names = [...new Set(rest.map((each) => relative(real, each.path) || basename(real)))];
    const shown = names.length > 3 ? [...names.slice(0, 3), '…'] : names;
    return names.length === 0 ? [] : [`${what} (${shown.join(', ')})`];
  });
  warn(
    at,
    `${name} ${path} holds ${list.join(', ')}: whoever asks for them gets them; serve a directory of its own`,
  );
}

/** Without symbolic links, as far as the path is there. `known` has what was found so far: roots are often alike. */
function realOf(path: string, known: Map<string, string> = new Map()): string {
  const before = known.get(path);
  if (before !== undefined) return before;
  const real = lookUp(path, known);
  known.set(path, real);
  return real;
}

function lookUp(path: string, known: Map<string, string>): string {
  try {
    // Of a thousand roots that are not there a thousand errors would take their time.
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return realpathSync(path);
  } catch {
    // What cannot be looked at lies where its directory does.
  }
  const above = dirname(path);
  return above === path ? path : join(realOf(above, known), basename(path));
}

const READ_BY_ALL = 0o004;
const WRITTEN_BY_OTHERS = 0o022;
const ENTERED_BY_ALL = 0o001;

/** What others can do with a key, and the next step; undefined where they can do nothing. Groups may read: that is what they are for. */
export function exposureOfKey(path: string): string | undefined {
  const stat = statOf(path);
  if (process.platform === 'win32' || stat === undefined) return undefined;
  const can = [
    ...((stat.mode & READ_BY_ALL) !== 0 ? ['read'] : []),
    ...((stat.mode & WRITTEN_BY_OTHERS) !== 0 ? ['write'] : []),
  ];
  if (can.length === 0 || !isReachable(dirname(realOf(path)))) return undefined;
  return `(mode ${modeText(stat)}): others can ${can.join(' and ')} it; chmod 600 ${path}`;
}

/** Undefined where nothing can be known, which is told elsewhere. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Whether everybody may go down to a directory. */
function isReachable(directory: string): boolean {
  const above = dirname(directory);
  if ((statSync(directory).mode & ENTERED_BY_ALL) === 0) return false;
  return above === directory || isReachable(above);
}

/** Of a log that is a link: whether others can make another one of it. */
export function exposureOfLink(path: string): string | undefined {
  const directory = dirname(path);
  if (!othersMayReplaceIn(directory)) return undefined;
  return (
    `is a symbolic link in a directory that others can write in (mode ${modeText(statSync(directory))}): they choose what it ` +
    `leads to; chmod go-w ${directory}`
  );
}
