// What is printed once everything serves: what listens where, which peers stand behind, and what to try.

import { listensOf } from '../cluster/needs.ts';
import { wantedAcceptors } from '../cluster/primary.ts';
import type { Model } from '../config/model.ts';
import type { ListenModel } from '../listen/rows.ts';
import type { ProcessStatus } from '../supervise/slot.ts';
import { VERSION } from '../version.ts';

export function readyText(model: Model, processes: readonly ProcessStatus[]): string {
  const lines = [
    `lbproxy ${VERSION} is ready: ${count(wantedAcceptors(model), 'acceptor')}, pid ${process.pid}`,
  ];
  const tries: string[] = [];
  for (const listen of listensOf(model).values()) {
    const url = urlOf(listen);
    const redirect = model.servers.some(
      (s) => s.settings.redirectHttps !== null && s.settings.listens.some((l) => l.port === listen.port),
    );
    lines.push(`  ${url.padEnd(28)} ${redirect ? 'redirects to https' : listen.ssl ? 'TLS' : 'HTTP'}`);
    if (listen.path === '')
      tries.push(redirect ? `curl -I ${url}` : listen.ssl ? `curl -k ${url}` : `curl ${url}`);
  }
  for (const upstream of model.upstreams)
    lines.push(`  upstream ${upstream.name}: ${peersText(upstream, processes)}`);
  lines.push(...processes.flatMap(troubleOf));
  if (tries.length > 0) lines.push(`try: ${tries.join(' · ')}`);
  return `${lines.join('\n')}\n`;
}

/** What is said of a process that does not do its work. */
function troubleOf(p: ProcessStatus): string[] {
  if (p.problem !== null)
    return [
      `  ${p.port === null ? `${p.name} does not run` : `${p.name} (port ${p.port}) does not serve`}: ${p.problem}`,
    ];
  return p.port === null || p.up ? [] : [`  ${p.name} (port ${p.port}) is not ready yet: ${p.state}`];
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}

function peersText(upstream: Model['upstreams'][number], processes: readonly ProcessStatus[]): string {
  const { upstreamServers, upstreamProgram, upstreamMethod } = upstream.settings;
  const servers = upstreamServers.map((s) => (s.path === '' ? `${s.host}:${s.port}` : `unix:${s.path}`));
  const ports = processes
    .filter((p) => p.program === upstreamProgram && p.up)
    .map((p) => `127.0.0.1:${p.port}`);
  return `${[...servers, ...ports].join(', ') || 'no peer yet'} (${upstreamMethod})`;
}

function urlOf(listen: ListenModel): string {
  if (listen.path !== '') return `unix:${listen.path}`;
  const host =
    listen.host === '*' || listen.host === '0.0.0.0' || listen.host === '::' ? 'localhost' : listen.host;
  const scheme = listen.ssl ? 'https' : 'http';
  const port = listen.port === (listen.ssl ? 443 : 80) ? '' : `:${listen.port}`;
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}${port}/`;
}
