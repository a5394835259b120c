// The levels of a Model, wherever they stand: servers, locations, locations of those, and the `if` blocks of all.
import type { LocationModel, ScriptOp, ServerModel, Settings } from './model.ts';

export interface PlacedLevel {
  readonly at: string;
  readonly settings: Settings;
}

/** Of a server or a location: itself, its `if` blocks, and with `inner` its locations with theirs. */
export function levelsOf(it: ServerModel | LocationModel, inner: boolean): PlacedLevel[] {
  const levels: PlacedLevel[] = [];
  addLevels(it, inner, levels);
  return levels;
}

function addLevels(it: ServerModel | LocationModel, inner: boolean, levels: PlacedLevel[]): void {
  levels.push(it);
  addIfs(it.script, levels);
  if (inner) for (const location of it.locations) addLevels(location, inner, levels);
}

function addIfs(script: readonly ScriptOp[], levels: PlacedLevel[]): void {
  for (const op of script) {
    if (op.op !== 'if') continue;
    if (op.settings !== null) levels.push({ at: op.at, settings: op.settings });
    addIfs(op.script, levels);
  }
}
