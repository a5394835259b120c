// What is printed once everything serves: what listens where, which peers stand behind, which programs run besides, and what to try.

import type { ServerEntry } from '../balance/rows.ts';
import { listensOf } from '../cluster/needs.ts';
import { wantedAcceptors } from '../cluster/wanted-acceptors.ts';
import type { Model } from '../config/model.ts';
import type { ListenModel } from '../listen/rows.ts';
import { localServers, namesOf } from '../local-ca/names.ts';
import { padEnd } from '../observe/text-width.ts';
import type { ProcessView } from '../supervise/control/face.ts';
import { VERSION } from '../version.ts';

/** More peers than this are counted only: the line is for people. */
const MAX_PEERS = 8;
const MAX_GROUPS = 20;

/** `controlSocket`: where lbproxy ctl asks, if anywhere. */
export function readyText(
  model: Model,
  processes: readonly ProcessView[],
  controlSocket: string | null = null,
): string {
  const lines = [
    `lbproxy ${VERSION} is ready: ${count(wantedAcceptors(model), 'acceptor')}, pid ${process.pid}`,
  ];
  for (const listen of listensOf(model).values()) {
    const what = redirects(model, listen) ? 'redirects to https' : listen.ssl ? 'TLS' : 'HTTP';
    lines.push(`  ${padEnd(urlOf(listen), 28)} ${what}`);
  }
  for (const upstream of model.upstreams)
    lines.push(`  upstream ${upstream.name}: ${peersText(upstream, processes)}`);
  const followed = new Set(model.upstreams.map(({ settings }) => settings.upstreamProgram));
  for (const { name } of model.programs) {
    if (!followed.has(name))
      lines.push(`  program ${name}: ${programText(processes.filter((p) => p.program === name))}`);
  }
  lines.push(...otherGroups(model, processes));
  for (const p of processes) for (const line of troubleOf(p, followed.has(p.program))) lines.push(line);
  if (controlSocket !== null && processes.length > 0)
    lines.push(`  control: lbproxy ctl status, or supervisorctl -s unix://${controlSocket}`);
  const proposal = tryText(model);
  if (proposal !== undefined) lines.push(`try: ${proposal}`);
  return `${lines.join('\n')}\n`;
}

/** A line for each group of supervisord.conf, as lbproxy ctl names it. */
function otherGroups(model: Model, processes: readonly ProcessView[]): string[] {
  const own = new Set(model.programs.map(({ name }) => name));
  const groups = Map.groupBy(
    processes.filter((p) => !own.has(p.program)),
    (p) => p.group,
  );
  const shown = [...groups].slice(0, MAX_GROUPS);
  const isWell = ({ state }: ProcessView): boolean => state === 'STARTING' || state === 'RUNNING';
  const lines = shown.map(
    ([name, those]) =>
      `  group ${name}: ${those.every(isWell) ? count(those.length, 'process', 'es') : programText(those)}`,
  );
  if (groups.size > MAX_GROUPS) lines.push(`  and ${groups.size - MAX_GROUPS} more groups`);
  return lines;
}

/** What is said of a process that does not do its work. The line of a program without upstream shows its state already. */
function troubleOf(p: ProcessView, isFollowed: boolean): string[] {
  if (p.problem !== null)
    return [
      `  ${p.port === null ? `${p.name} does not run` : `${p.name} (port ${p.port}) does not serve`}: ${p.problem}`,
    ];
  if (p.port === null || p.ready || !isFollowed) return [];
  return [`  ${p.name} (port ${p.port}) is not ready yet: ${p.state}`];
}

function count(n: number, what: string, plural = 's'): string {
  return `${n} ${what}${n === 1 ? '' : plural}`;
}

function peersText(upstream: Model['upstreams'][number], processes: readonly ProcessView[]): string {
  const { upstreamServers, upstreamProgram, upstreamMethod } = upstream.settings;
  const ports = processes
    .filter((p) => p.program === upstreamProgram && p.ready)
    .map((p) => `127.0.0.1:${p.port}`);
  const peers = [...upstreamServers.map(serverText), ...ports];
  const shown = peers.length > MAX_PEERS ? peers.slice(0, MAX_PEERS - 1) : peers;
  const more = shown.length < peers.length ? ` and ${peers.length - shown.length} more` : '';
  return `${shown.join(', ') || 'no peer yet'}${more} (${upstreamMethod.method})`;
}

/** As a configuration writes it, without what is as always. */
function serverText(server: ServerEntry): string {
  const words = [server.path === '' ? `${server.host}:${server.port}` : `unix:${server.path}`];
  if (server.weight !== 1) words.push(`weight=${server.weight}`);
  if (server.maxConns > 0) words.push(`max_conns=${server.maxConns}`);
  if (server.backup) words.push('backup');
  if (server.down) words.push('down');
  return words.join(' ');
}

/** `RUNNING on 127.0.0.1:8001`, `2 RUNNING, 1 BACKOFF`. */
function programText(processes: readonly ProcessView[]): string {
  if (processes.length === 1) {
    const [{ state, port }] = processes;
    return port === null ? state : `${state} on 127.0.0.1:${port}`;
  }
  const states = Map.groupBy(processes, (p) => p.state);
  return [...states].map(([state, those]) => `${those.length} ${state}`).join(', ');
}

/** One command for the address that says most: plain HTTP, else TLS, else a redirect. */
function tryText(model: Model): string | undefined {
  const listens = [...listensOf(model).values()].filter((listen) => listen.path === '');
  const answering = listens.filter((listen) => !redirects(model, listen));
  const best = answering.find((listen) => !listen.ssl) ?? answering[0] ?? listens[0];
  if (best === undefined) return undefined;
  const local = best.ssl ? localName(model, best) : undefined;
  if (local !== undefined)
    return `${urlOf({ ...best, host: local })} in a browser (it warns until lbproxy trust was run)`;
  const flag = best.ssl ? '-k ' : answering.length === 0 ? '-I ' : '';
  return `curl ${flag}${urlOf(best)}`;
}

/** What a browser finds by itself of the names that a local certificate is for; undefined where the address has none. */
function localName(model: Model, { host, port }: ListenModel): string | undefined {
  const settings = localServers(model).find(({ listens }) =>
    listens.some((listen) => listen.host === host && listen.port === port),
  );
  if (settings === undefined) return undefined;
  const isHere = ['*', '0.0.0.0', '::', '127.0.0.1', '::1'].includes(host);
  return isHere ? (namesOf(settings).dns.find((name) => name.endsWith('.localhost')) ?? 'localhost') : host;
}

function redirects(model: Model, { port }: ListenModel): boolean {
  return model.servers.some(
    ({ settings }) => settings.redirectHttps !== null && settings.listens.some((l) => l.port === port),
  );
}

function urlOf(listen: ListenModel): string {
  if (listen.path !== '') return `unix:${listen.path}`;
  const host =
    listen.host === '*' || listen.host === '0.0.0.0' || listen.host === '::' ? 'localhost' : listen.host;
  const scheme = listen.ssl ? 'https' : 'http';
  const port = listen.port === (listen.ssl ? 443 : 80) ? '' : `:${listen.port}`;
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}${port}/`;
}
