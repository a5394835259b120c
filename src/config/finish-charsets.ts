// What only the whole Model shows of charsets: two that are to be converted without a map between them.
import type { LocationModel, Model, ScriptOp, Settings } from './model.ts';
import { positionOf } from './places.ts';
import type { Problems } from './problem.ts';

export function checkCharsets(model: Model, problems: Problems): void {
  const maps = new Set(
    model.settings.charsetMaps.flatMap(({ from, to }) => [pair(from, to), pair(to, from)]),
  );
  const told = new Set<string>();
  const check = ({ charset, sourceCharset: source }: Settings, at: string): void => {
    if (charset === 'off' || source === '' || charset.startsWith('$') || source.startsWith('$')) return;
    const conversion = pair(source, charset);
    if (charset.toLowerCase() === source.toLowerCase() || maps.has(conversion) || told.has(conversion))
      return;
    told.add(conversion);
    problems.error(positionOf(at), `no "charset_map" between the charsets "${source}" and "${charset}"`);
  };
  for (const { settings, at, locations } of model.servers) {
    check(settings, at);
    checkLocations(locations, check);
  }
}

type Check = (settings: Settings, at: string) => void;

function checkLocations(locations: readonly LocationModel[], check: Check): void {
  for (const { settings, at, script, locations: inner } of locations) {
    check(settings, at);
    checkScript(script, check);
    checkLocations(inner, check);
  }
}

function checkScript(script: readonly ScriptOp[], check: Check): void {
  for (const op of script) {
    if (op.op !== 'if') continue;
    if (op.settings !== null) check(op.settings, op.at);
    checkScript(op.script, check);
  }
}

const pair = (from: string, to: string): string => `${from.toLowerCase()} ${to.toLowerCase()}`;
