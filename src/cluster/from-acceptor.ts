// Reads what an acceptor sent, in the primary. A process that answers clients may be damaged in ways that nobody thought of: what it says is
// believed only as far as it has the shape of a message, and is copied field by field.

import { MOST_SLOWEST, type TallyCounts } from '../observe/request-tally.ts';
import { readDelta } from '../observe/traffic/delta.ts';
import type { DrainWaits, FromAcceptor, PortCounts, PrepareProblem } from './messages.ts';

/** Null for whatever is no message of an acceptor. */
export function readFromAcceptor(sent: unknown): FromAcceptor | null {
  if (!isRecord(sent)) return null;
  const { type, id, generation, segment } = sent;
  switch (type) {
    case 'ready':
    case 'alive':
      return { type };
    case 'draining': {
      const waits = readWaits(sent.waits);
      return waits === null ? null : { type, waits };
    }
    case 'tally': {
      const counts = readTally(sent.counts);
      return counts === null ? null : { type, counts };
    }
    case 'log-full':
    case 'log-switched':
      return isCount(segment) ? { type, segment } : null;
    case 'more':
      return isCount(generation) ? { type, generation } : null;
    case 'prepared':
    case 'committed':
    case 'reopened':
      return isCount(generation) ? readAnswer(type, generation, sent) : null;
    default:
      return isCount(id) ? readNumbered(sent, id) : null;
  }
}

/** What belongs to a question: the primary's, or one of the acceptor. */
function readNumbered(sent: Fields, id: number): FromAcceptor | null {
  const { type, wanted, answer, openMetrics } = sent;
  switch (type) {
    case 'peer-idle':
      return { type, id };
    case 'leaf':
      return isName(wanted) ? { type, id, wanted } : null;
    case 'counts': {
      const ports = readCounts(sent.ports);
      return ports === null ? null : { type, id, ports };
    }
    case 'answer':
      return typeof answer === 'string' ? { type, id, answer } : null;
    case 'traffic': {
      const delta = readDelta(sent);
      return delta === null ? null : { type, id, ...delta };
    }
    case 'scrape':
      return typeof openMetrics === 'boolean' ? { type, id, openMetrics } : null;
    default:
      return null;
  }
}

type Fields = Readonly<Record<string, unknown>>;

function readAnswer(
  type: 'prepared' | 'committed' | 'reopened',
  generation: number,
  { problem, problems }: Fields,
): FromAcceptor | null {
  if (type === 'reopened') {
    const all = isList(problems) && problems.every((text) => typeof text === 'string') ? problems : null;
    return all === null ? null : { type, generation, problems: [...all] };
  }
  if (problem === null) return { type, generation, problem };
  if (type === 'committed') return typeof problem === 'string' ? { type, generation, problem } : null;
  const read = readProblem(problem);
  return read === null ? null : { type, generation, problem: read };
}

function readProblem(sent: unknown): PrepareProblem | null {
  if (!isRecord(sent)) return null;
  const { at, message } = sent;
  return typeof at === 'string' && typeof message === 'string' ? { at, message } : null;
}

function readWaits(sent: unknown): DrainWaits | null {
  if (!isRecord(sent)) return null;
  const { exchanges, tunnels } = sent;
  return isCount(exchanges) && isCount(tunnels) ? { exchanges, tunnels } : null;
}

function readCounts(sent: unknown): PortCounts | null {
  if (!isRecord(sent)) return null;
  const ports: Record<number, DrainWaits> = {};
  for (const [port, value] of Object.entries(sent)) {
    const waits = readWaits(value);
    if (waits === null || !PORT.test(port) || Number(port) > 65_535) return null;
    ports[Number(port)] = waits;
  }
  return ports;
}

function readTally(sent: unknown): TallyCounts | null {
  if (!isRecord(sent) || !isList(sent.slowest) || sent.slowest.length > MOST_SLOWEST) return null;
  const statuses = readNumbers(sent.statuses);
  const times = readNumbers(sent.times);
  const slowest = sent.slowest.flatMap((each) => readSlowPath(each) ?? []);
  if (statuses === null || times === null || slowest.length < sent.slowest.length) return null;
  return { statuses, times, slowest };
}

function readSlowPath(sent: unknown): TallyCounts['slowest'][number] | null {
  if (!isRecord(sent)) return null;
  const { text, ms, requests } = sent;
  if (typeof text !== 'string' || typeof ms !== 'number' || !(ms >= 0) || !isCount(requests)) return null;
  return { text, ms, requests };
}

/** Counts by numbers below a thousand. */
function readNumbers(sent: unknown): Record<number, number> | null {
  if (!isRecord(sent)) return null;
  const counts: Record<number, number> = {};
  for (const [key, value] of Object.entries(sent)) {
    if (!/^\d{1,3}$/.test(key) || !isCount(value)) return null;
    counts[Number(key)] = value;
  }
  return counts;
}

const PORT = /^[1-9]\d{0,4}$/;

/** An object of its own fields only: `__proto__` in JSON is a field like any other, and no class's. */
function isRecord(value: unknown): value is Fields {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

/** A host name, or the key of some. */
function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 255;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
