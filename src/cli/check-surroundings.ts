// What a configuration needs of the machine: host names that resolve, programs that can be started; and what of the machine it lays open.
// -t asks for it. A start does not: names and files may come later, and both are tried again.
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { listensOf } from '../cluster/needs.ts';
import type { Model } from '../config/model.ts';
import { positionOf } from '../config/places.ts';
import type { Problems } from '../config/problem.ts';
import type { PoolPlan } from '../supervise/plan.ts';
import { whyNotStartable } from '../supervise/startable.ts';
import { chosenHosts } from '../upstream/chosen-hosts.ts';
import { groupKey } from '../upstream/discovery.ts';
import {
  groupNames,
  isBareName,
  nearestGroup,
  type PassTarget,
  passesOf,
  takenForHost,
} from '../upstream/passes.ts';
import { warnOfTakenPorts } from './check-pool.ts';

export async function checkSurroundings(model: Model, pool: PoolPlan, problems: Problems): Promise<void> {
  for (const { at, text } of whyNotStartable(pool, process.env)) problems.error(positionOf(at), text);
  await warnOfTakenPorts(pool, problems);
  for (const { variables, at } of chosenHosts(model)) problems.warn(positionOf(at), chosenText(variables));
  await checkListens(model, problems);
  const hosts = [...strangers(model), ...bareServers(model)];
  const names = [...new Set(hosts.map(({ host }) => host))];
  const failures = new Map(
    await Promise.all(names.map(async (name) => [name, await whyUnknown(name)] as const)),
  );
  const groups = groupNames(model);
  for (const { host, hasPort, at } of hosts) {
    const failure = failures.get(host);
    if (failure === undefined) continue;
    if (hasPort) {
      problems.warn(
        positionOf(at),
        `the host name "${host}" does not resolve (${failure}): there is no peer until it does`,
      );
    } else {
      problems.error(
        positionOf(at),
        `there is no upstream or program "${host}", and no host of that name (${failure}); ${nextStep(nearestGroup(groups, host, problems))}`,
      );
    }
  }
}

function chosenText([variable, ...origins]: readonly string[]): string {
  const from = origins.length === 0 ? `$${variable}` : `$${variable}, which is made of $${origins.at(-1)}`;
  return `a client can choose the host that this leads to, and so reach whatever this machine can: it comes from ${from}; let it choose among names that stand here, by "map", locations or "if"`;
}

/** A name to listen on must have an address at the start. */
async function checkListens(model: Model, problems: Problems): Promise<void> {
  for (const { host, port, at } of listensOf(model).values()) {
    if (host === '' || host === '*' || isIP(host) !== 0) continue;
    const failure = await whyUnknown(host);
    if (failure === undefined) continue;
    const what = `cannot listen on ${host}:${port}: the host name does not resolve (${failure})`;
    problems.error(positionOf(at), `${what}; write the address as a number`);
  }
}

/** At a start a name that is nothing of the file may be a host that the DNS will know. */
export function warnOfStrangers(model: Model, problems: Problems): void {
  const names = groupNames(model);
  for (const { host, hasPort, at } of strangers(model)) {
    if (hasPort) continue;
    problems.warn(positionOf(at), takenForHost(host, nearestGroup(names, host, problems)));
  }
}

/** Where a proxy_pass names neither a group nor, by a dot, a host for certain. What only a request looks up is none of a start's. */
function strangers(model: Model): PassTarget[] {
  const groups = new Set(model.upstreams.map((upstream) => groupKey(upstream.name)));
  return passesOf(model).targets.filter(
    ({ authority, host, byRequest }) => !byRequest && !groups.has(groupKey(authority)) && isBareName(host),
  );
}

/** The same names among the servers of upstreams, which are hosts for certain. */
function bareServers(model: Model): PassTarget[] {
  return model.upstreams
    .flatMap((upstream) => upstream.settings.upstreamServers)
    .filter(({ host }) => isBareName(host))
    .map(({ host, at }) => ({
      authority: host,
      host,
      hasPort: true,
      byRequest: false,
      at,
      secure: false,
      needsPort: true,
    }));
}

function nextStep(near: string | undefined): string {
  return near === undefined ? 'define it, or correct the name' : `did you mean "${near}"?`;
}

/** The system's word for why a name has no address. */
async function whyUnknown(name: string): Promise<string | undefined> {
  try {
    await lookup(name);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}
