// A call that sets a fault for a location, or takes it away: {server, location, kind, value, share}; value as in a configuration, or off.
import { type FaultKind, parseFault, parseShare } from '../features/faults/rows.ts';
import { CallError, type Fields, words } from './call-input.ts';
import type { FaultWish } from './face.ts';

const KINDS: readonly FaultKind[] = ['delay', 'abort', 'cut', 'rate'];

export function readFaultWish(body: Fields): FaultWish {
  const { server, location, kind: given, value } = words(body, 'server', 'location', 'kind', 'value');
  const kind = KINDS.find((one) => one === given);
  if (kind === undefined) throw new CallError(400, `"${given}" is none of ${KINDS.join(', ')}`);
  if (value.trim() === 'off') return { server, location, kind };
  const parsed = parseFault(kind, value.trim().split(/\s+/));
  if (typeof parsed === 'string') throw new CallError(400, `value: ${parsed}`);
  const share = readShare(Object.hasOwn(body, 'share') ? body.share : '100%');
  return { server, location, kind, value: value.trim(), share, ...parsed };
}

function readShare(given: unknown): number {
  const share = typeof given === 'string' ? parseShare(given) : '"share" is a text such as "10%"';
  if (typeof share === 'string') throw new CallError(400, share);
  return share;
}
