// A Model on its way to the acceptors: every level carries only what differs from the level around it. With 2,000 servers of three
// locations that is 2 MB of JSON instead of 18, and equal values are one object again on the other side.
import { isDeepStrictEqual } from 'node:util';
import type { LocationModel, Model, ScriptOp, ServerModel, Settings } from './model.ts';

/** As a Model, but that settings of all levels below the first are `Partial<Settings>`. Plain data. */
export interface PackedModel {
  readonly packed: unknown;
}

/** From settings and those around them to settings. */
type Change = (settings: Settings, outer: Settings) => Settings;

export function packModel(model: Model): PackedModel {
  return { packed: changed(model, difference) };
}

export function unpackModel({ packed }: PackedModel): Model {
  return changed(packed as Model, (settings, outer) => ({ ...outer, ...settings }));
}

function difference(settings: Settings, outer: Settings): Settings {
  const own: Record<string, unknown> = {};
  const around: Readonly<Record<string, unknown>> = { ...outer };
  for (const [key, value] of Object.entries(settings)) {
    const other = around[key];
    if (value !== other && !(typeof value === 'object' && isDeepStrictEqual(value, other))) own[key] = value;
  }
  return own as unknown as Settings;
}

/**
 * Changes the settings of every level. What is around a level must be whole: on the way out that is the level as it was, on the way in
 * as it has become.
 */
function changed(model: Model, change: Change): Model {
  const packing = change === difference;
  const script = (ops: readonly ScriptOp[], outer: Settings): readonly ScriptOp[] =>
    ops.map((op) =>
      op.op === 'if'
        ? {
            ...op,
            settings: op.settings === null ? null : change(op.settings, outer),
            script: script(op.script, outer),
          }
        : op,
    );
  const level = <L extends ServerModel | LocationModel>(it: L, outer: Settings): L => {
    const settings = change(it.settings, outer);
    const whole = packing ? it.settings : settings;
    const locations = it.locations.map((location) => level(location, whole));
    return { ...it, settings, script: script(it.script, whole), locations };
  };
  const { settings } = model;
  const block = <B extends { readonly settings: Settings }>(it: B): B => ({
    ...it,
    settings: change(it.settings, settings),
  });
  return {
    ...model,
    upstreams: model.upstreams.map(block),
    programs: model.programs.map(block),
    servers: model.servers.map((server) => level(server, settings)),
  };
}
