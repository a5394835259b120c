// The settings of a level: an object of what the level sets itself, whose prototype is what it inherits. So `settings.x` reads as any
// property does, wherever x was set, and a level costs what stands in it.
import type { Settings } from './model.ts';

export type OwnSettings = Partial<Settings>;

/** Settings of a level that inherits from another one, or from defaults. */
export function settingsOver(inherited: Settings, own: OwnSettings): Settings {
  return Object.assign(Object.create(inherited) as Settings, own);
}

/** The same level with other values for some keys. */
export function withSettings(settings: Settings, changes: OwnSettings): Settings {
  return settingsOver(inheritedBy(settings), { ...settings, ...changes });
}

/** What the level around hands down to this one. */
function inheritedBy(settings: Settings): Settings {
  return Object.getPrototypeOf(settings) as Settings;
}

/** Whether the level itself sets a key. */
export function setsItself(settings: Settings, key: keyof Settings): boolean {
  return Object.hasOwn(settings, key);
}

/** What a level hands down: all of its settings, but for the keys that are its own business. */
export function handedDown(settings: Settings, privates: ReadonlySet<keyof Settings>): Settings {
  const own = Object.entries(settings) as [keyof Settings, unknown][];
  const shared = own.filter(([key]) => !privates.has(key));
  if (shared.length === own.length) return settings;
  return settingsOver(inheritedBy(settings), Object.fromEntries(shared) as OwnSettings);
}
