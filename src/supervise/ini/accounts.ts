// Users and groups of the system by name or number: the files of /etc first, then what else the system asks (LDAP …).
import { spawnSync } from 'node:child_process';
import { readFileWithin } from '../../shared/read-file.ts';
import type { UserPlan } from '../plan.ts';
import { wholeNumber } from './py-text.ts';

const MAX_BYTES = 16 << 20;
const LOOKUP_TIMEOUT_MS = 5000;

/** The answers of one reading of the configuration. */
export class Accounts {
  readonly #users = new Map<string, UserPlan | undefined>();
  readonly #groups = new Map<string, number | undefined>();

  user(nameOrId: string): UserPlan | undefined {
    return remembered(this.#users, nameOrId, () => {
      const [name, , uid, gid, , home] = record('passwd', nameOrId) ?? [];
      return name === undefined ? undefined : { name, uid: Number(uid), gid: Number(gid), home: home ?? '/' };
    });
  }

  /** By its name only, also where that is a number. */
  userNamed(name: string): UserPlan | undefined {
    return wholeNumber(name) === undefined ? this.user(name) : undefined;
  }

  /** The id of a group. */
  group(nameOrId: string): number | undefined {
    return remembered(this.#groups, nameOrId, () => {
      const [, , gid] = record('group', nameOrId) ?? [];
      return gid === undefined ? undefined : Number(gid);
    });
  }
}

function remembered<T>(known: Map<string, T>, key: string, find: () => T): T {
  const before = known.get(key);
  if (before !== undefined || known.has(key)) return before as T;
  const found = find();
  known.set(key, found);
  return found;
}

/** The fields of one line, looked up by a number if it is one, as getpwuid(3) and getpwnam(3). */
function record(table: 'passwd' | 'group', nameOrId: string): readonly string[] | undefined {
  const id = wholeNumber(nameOrId);
  const isIt = (fields: readonly string[]): boolean =>
    fields.length > 3 && (id === undefined ? fields[0] === nameOrId : Number(fields[2]) === id);
  return (
    linesOf(`/etc/${table}`).find(isIt) ?? asked(table, id === undefined ? nameOrId : String(id))?.find(isIt)
  );
}

function linesOf(path: string): readonly (readonly string[])[] {
  try {
    return fieldsOf(readFileWithin(path, { maxBytes: MAX_BYTES }).toString('utf8'));
  } catch {
    return [];
  }
}

function asked(table: string, key: string): readonly (readonly string[])[] | undefined {
  // A name that getent(1) would take for an option, or that no table can hold.
  if (key === '' || !/^[^-\s:][^\s:\0]*$/.test(key)) return undefined;
  const done = spawnSync('getent', [table, key], { encoding: 'utf8', timeout: LOOKUP_TIMEOUT_MS });
  return done.status === 0 ? fieldsOf(done.stdout) : undefined;
}

function fieldsOf(text: string): readonly (readonly string[])[] {
  return text.split('\n').map((line) => line.split(':'));
}
