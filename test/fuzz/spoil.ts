// Spoils a message: a value somewhere in it becomes another, goes, or comes twice. What it gives is JSON.
import type { Random } from './random.ts';

const PROTOTYPE = '{"__proto__":{"type":"ready"},"constructor":{"prototype":{"x":1}}}';

const ODD: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1, 0.5, 255, 65_536, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53), 1e308],
  ...[
    '',
    ' ',
    '0',
    '1',
    'x',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'length',
    '\0',
    '\n',
    '\ud800',
    'é',
  ],
  ...[
    'x'.repeat(5000),
    [],
    [[]],
    [null],
    {},
    { type: 'ready' },
    { length: 3 },
    [1, 2, 3],
    JSON.parse('{"then":1}'),
    { toString: 1 },
  ],
  ...[JSON.parse(PROTOTYPE), Array.from({ length: 2000 }, (_, i) => i)],
];

/** One of its own: it may be spoilt in its turn. */
const odd = (random: Random): unknown => structuredClone(random.pick(ODD));

type Path = readonly (string | number)[];

/** Every place in a value. */
function placesOf(value: unknown, path: Path = [], found: Path[] = []): Path[] {
  found.push(path);
  if (typeof value === 'object' && value !== null && found.length < 2000)
    for (const [key, each] of Object.entries(value)) placesOf(each, [...path, key], found);
  return found;
}

/** One to a few changes. */
export function spoil(value: unknown, random: Random): unknown {
  let out: unknown = JSON.parse(JSON.stringify(value));
  for (let n = random.length(4); n > 0; n--) out = change(out, random);
  return JSON.parse(JSON.stringify(out));
}

function change(value: unknown, random: Random): unknown {
  const places = placesOf(value);
  // Places near the top are few among all, and matter most.
  const path = random.chance(50)
    ? random.pick(places.filter(({ length }) => length <= 1))
    : random.pick(places);
  const key = path.at(-1);
  if (key === undefined) return random.chance(30) ? odd(random) : value;
  const holder = path
    .slice(0, -1)
    .reduce((at, each) => (at as Record<string, unknown>)[each], value) as Record<string, unknown>;
  switch (random.below(5)) {
    case 0:
      delete holder[key];
      break;
    case 1:
      add(holder, random.pick(['x', '__proto__', 'type', 'segment', 'length', String(key)]), odd(random));
      break;
    case 2:
      holder[key] = [holder[key], holder[key]];
      break;
    default:
      holder[key] = odd(random);
  }
  return value;
}

/** As JSON.parse would: `__proto__` too becomes a key like others. */
function add(holder: Record<string, unknown>, key: string, value: unknown): void {
  if (Array.isArray(holder)) holder.push(value);
  else Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}
