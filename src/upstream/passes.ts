// Where the proxy_pass directives of a Model go, wherever they stand: in locations, in locations of those, and in the `if` of both.

import type { LocationModel, Model, ScriptOp, UpstreamModel } from '../config/model.ts';
import type { ProxyPass } from '../forward/rows.ts';
import { constantOf } from '../route/template.ts';

/** What stands between `http://` and the path: a group's name, or `host[:port]`. */
export interface PassTarget {
  readonly authority: string;
  /** Without its port; '' for a Unix socket. */
  readonly host: string;
  readonly hasPort: boolean;
  readonly at: string;
}

export interface Passes {
  /** Each place once. */
  readonly targets: readonly PassTarget[];
  /** Whether any takes its host from a variable. */
  readonly byVariable: boolean;
}

export function passesOf(model: Model): Passes {
  const targets = new Map<string, PassTarget>();
  let byVariable = false;
  const take = (pass: ProxyPass | null): void => {
    if (pass === null) return;
    const url = constantOf(pass.url);
    const authority = url === undefined ? undefined : /^http:\/\/([^/?]+)/i.exec(url)?.[1];
    if (authority === undefined) byVariable ||= url === undefined;
    else targets.set(pass.at, { authority, ...hostOf(authority), at: pass.at });
  };
  const inScript = (script: readonly ScriptOp[]): void => {
    for (const op of script) {
      if (op.op !== 'if') continue;
      take(op.settings?.proxyPass ?? null);
      inScript(op.script);
    }
  };
  const inLocation = (location: LocationModel): void => {
    take(location.settings.proxyPass);
    inScript(location.script);
    location.locations.forEach(inLocation);
  };
  for (const server of model.servers) server.locations.forEach(inLocation);
  return { targets: [...targets.values()], byVariable };
}

function hostOf(authority: string): { host: string; hasPort: boolean } {
  if (authority.startsWith('unix:')) return { host: '', hasPort: false };
  const m = /^(.*?)(:\d*)?$/s.exec(authority);
  return { host: m?.[1] ?? authority, hasPort: m?.[2] !== undefined };
}

/** A program that a proxy_pass names without an upstream is a group by itself. */
export function programGroups(model: Model, passes: Passes): UpstreamModel[] {
  const groups = new Set(model.upstreams.map((upstream) => upstream.name));
  return model.programs.flatMap(({ name, at, settings }): UpstreamModel[] => {
    if (groups.has(name)) return [];
    const place = passes.targets.find((target) => target.authority === name)?.at;
    if (place === undefined && !(passes.byVariable && settings.programFirstPort !== null)) return [];
    return [{ name, at: place ?? at, settings: { ...model.settings, upstreamProgram: name } }];
  });
}
