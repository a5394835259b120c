// Looks at the log paths of all processes before anything starts: what cannot be opened, and where two of them are in each other's way.
import { accessSync, constants, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { problemOfLink, reasonOf } from '../../observe/log-output.ts';
import type { ProcessSpec, StreamPlan } from '../plan.ts';
import { placeOf } from './log-place.ts';
import { budgetBytes, type Rotation, sameRotation, withLargerBudget } from './rotation.ts';

export interface LogFinding {
  /** `cannot-open`: the output of these processes would go nowhere. The others are warnings. */
  readonly kind: 'cannot-open' | 'different-rotations' | 'collision';
  readonly path: string;
  /** `file:line:column` of the first program concerned. */
  readonly at: string;
  /** The processes concerned, as `group:name`. */
  readonly processes: readonly string[];
  /** A whole sentence with the next step. */
  readonly text: string;
}

interface Use {
  readonly spec: ProcessSpec;
  readonly path: string;
  readonly rotation: Rotation;
}

export function checkLogs(specs: readonly ProcessSpec[], childLogDirectory: string): LogFinding[] {
  const byPlace = new Map<string, [Use, ...Use[]]>();
  for (const use of specs.flatMap(usesOf)) {
    const place = placeOf(use.path);
    const known = byPlace.get(place.key);
    if (known === undefined) byPlace.set(place.key, [use]);
    else known.push(use);
  }
  return [
    ...autoFindings(specs, childLogDirectory),
    ...[...byPlace].flatMap(([key, uses]) => [
      ...openFindings(key, uses),
      ...rotationFindings(uses),
      ...collisionFindings(key, uses, byPlace),
    ]),
  ];
}

function streamsOf({ output }: ProcessSpec): readonly StreamPlan[] {
  return output.redirectStderr ? [output.stdout] : [output.stdout, output.stderr];
}

function usesOf(spec: ProcessSpec): Use[] {
  return streamsOf(spec).flatMap((plan) =>
    plan.target.kind === 'file' ? [{ spec, path: plan.target.path, rotation: plan }] : [],
  );
}

function autoFindings(specs: readonly ProcessSpec[], directory: string): LogFinding[] {
  const users = specs.filter((spec) => streamsOf(spec).some((plan) => plan.target.kind === 'auto'));
  const [first] = users;
  const reason = first === undefined ? undefined : whyNoDirectory(directory);
  if (first === undefined || reason === undefined) return [];
  const text = `the directory for logs "${directory}" cannot be used: ${reason}`;
  return [{ kind: 'cannot-open', path: directory, at: first.at, processes: namesOf(users), text }];
}

function openFindings(key: string, uses: readonly [Use, ...Use[]]): LogFinding[] {
  const [{ path }] = uses;
  const reason = placeOf(path).isFile ? whyNotOpen(path, key) : undefined;
  if (reason === undefined) return [];
  return [finding('cannot-open', uses, `log "${path}" cannot be opened: ${reason}`)];
}

function whyNotOpen(path: string, key: string): string | undefined {
  try {
    const stranger = problemOfLink(path);
    if (stranger !== undefined) return stranger;
    if (statSync(key).isDirectory()) return 'it is a directory: name a file in it';
    accessSync(key, constants.W_OK);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') return reasonOf(key, error);
  }
  return whyNoDirectory(dirname(key));
}

function whyNoDirectory(directory: string): string | undefined {
  try {
    if (!statSync(directory).isDirectory()) return `"${directory}" is not a directory: change the path`;
    accessSync(directory, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return reasonOf(`${directory}/log`, error);
  }
}

function rotationFindings(uses: readonly [Use, ...Use[]]): LogFinding[] {
  const [first, ...others] = uses;
  if (!placeOf(first.path).isFile) return [];
  if (others.every((use) => sameRotation(use.rotation, first.rotation))) return [];
  const kept = uses.map((use) => use.rotation).reduce(withLargerBudget);
  const text =
    `log "${first.path}" is to be rotated in several ways; the one that keeps most holds: ${rotationText(kept)}. ` +
    'Give all programs that share it the same, or each a file of its own';
  return [finding('different-rotations', uses, text)];
}

function rotationText(rotation: Rotation): string {
  const { maxBytes, backups } = rotation;
  return budgetBytes(rotation) === Number.POSITIVE_INFINITY
    ? 'no limit of its size'
    : `${maxBytes} bytes and ${backups} rotated files`;
}

/** `app.log.1` is a log of somebody else and the name of a rotated `app.log`. */
function collisionFindings(
  key: string,
  uses: readonly [Use, ...Use[]],
  byPlace: ReadonlyMap<string, readonly [Use, ...Use[]]>,
): LogFinding[] {
  const found = /^(.+)\.([1-9]\d{0,8})(?:\.gz)?$/.exec(key);
  const owners = found === null ? undefined : byPlace.get(found[1]);
  if (found === null || owners === undefined) return [];
  const rotates = owners.some(
    ({ rotation }) => rotation.backups >= Number(found[2]) && (rotation.maxBytes > 0 || rotation.daily),
  );
  if (!rotates) return [];
  const text = `log "${uses[0].path}" has the name of a rotated file of "${owners[0].path}", which would take its place: give it another name`;
  return [finding('collision', uses, text)];
}

function finding(kind: LogFinding['kind'], uses: readonly [Use, ...Use[]], text: string): LogFinding {
  const [first] = uses;
  return { kind, path: first.path, at: first.spec.at, processes: namesOf(uses.map((use) => use.spec)), text };
}

function namesOf(specs: readonly ProcessSpec[]): string[] {
  return [...new Set(specs.map((spec) => `${spec.group}:${spec.launch.name}`))];
}
