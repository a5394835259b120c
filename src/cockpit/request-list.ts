// Requests that the inspectors of all acceptors keep, as one list: what is new since it was asked for last.
import type { Answer } from '../inspect/questions.ts';
import type { Summary } from '../inspect/view.ts';
import { CallError } from './call-input.ts';
import type { CockpitFace } from './face.ts';

/** A request as the page knows it: its number tells the acceptor, too. */
export type ListedRequest = Omit<Summary, 'id'> & { readonly id: string; readonly acceptor: number };

/** How far each acceptor was when it was asked last. */
export type Versions = Readonly<Record<number, number>>;

export interface RequestList {
  /** The oldest first. */
  readonly requests: readonly ListedRequest[];
  /** Those that changed so that they do not pass the filter any more, and those that are over and had no room in the list. */
  readonly left: readonly string[];
  /** Of acceptors that cannot tell all that changed: which of those that were told before still last. Of others no more comes. */
  readonly running: Readonly<Record<number, readonly string[]>>;
  /** None: no acceptor keeps requests. */
  readonly versions: Versions;
}

export interface ListWish {
  readonly filter: string;
  /** What changed behind these. */
  readonly after: Versions;
  readonly limit: number;
}

export async function listRequests(
  face: CockpitFace,
  { filter, after, limit }: ListWish,
): Promise<RequestList> {
  const requests: ListedRequest[] = [];
  const left: string[] = [];
  const running: Record<number, readonly string[]> = {};
  const versions: Record<number, number> = {};
  // All are asked how far they are, and those that are further for what is new: all that it has of one that was not there before.
  const states = await face.ask({ ask: 'list', filter, after: Number.MAX_SAFE_INTEGER, limit: 0 });
  const asked = [...states].map(async ([acceptor, state]) => {
    const { version } = listIn(state);
    const seen = after[acceptor] ?? 0;
    // Less than was seen: another run of lbproxy, or the inspector was off meanwhile. It counts from the beginning.
    const since = version < seen ? 0 : seen;
    versions[acceptor] = since;
    if (version <= since) return;
    const answer = (await face.ask({ ask: 'list', filter, after: since, limit }, acceptor)).get(acceptor);
    if (answer === undefined) return;
    const found = listIn(answer);
    versions[acceptor] = found.version;
    for (const one of found.list) requests.push({ ...one, id: `${acceptor}-${one.id}`, acceptor });
    for (const id of found.left) left.push(`${acceptor}-${id}`);
    if (found.running !== null) running[acceptor] = found.running.map((id) => `${acceptor}-${id}`);
  });
  await Promise.all(asked);
  requests.sort((a, b) => a.at - b.at);
  for (const { id, ms } of requests.slice(0, -limit)) if (ms >= 0) left.push(id);
  return { requests: requests.slice(-limit), left, running, versions };
}

function listIn(answer: Answer): Extract<Answer, { list: unknown }> {
  if ('problem' in answer) throw new CallError(400, answer.problem);
  if (!('list' in answer)) throw new CallError(502, 'the acceptor gave another answer');
  return answer;
}

/** `1:205,2:190`: what was seen of each acceptor. */
export function readVersions(text: string): Versions {
  const found: Record<number, number> = {};
  for (const [, acceptor, version] of text.matchAll(/(\d+):(\d+)/g))
    found[Number(acceptor)] = Number(version);
  return found;
}
