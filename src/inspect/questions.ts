// What may be asked of an acceptor's inspector, and what it answers. All are plain data: they travel as JSON.

import { Slices } from '../shared/slices.ts';
import { readFilter } from './filter.ts';
import type { Inspector } from './inspector.ts';
import { Masks } from './masks.ts';
import type { Record } from './record.ts';
import { type Replayed, replay } from './replay.ts';
import { type Detail, detailOf, type Summary, summaryOf, whyNoReplay } from './view.ts';

export type Question =
  /** Requests that changed behind this version and pass the filter; the newest `limit` of them, the oldest first. 0: how far it is. */
  | { readonly ask: 'list'; readonly filter: string; readonly after: number; readonly limit: number }
  /** One request; `unmasked`: with the values that are hidden otherwise. */
  | { readonly ask: 'show'; readonly id: number; readonly unmasked: boolean }
  | {
      readonly ask: 'replay';
      readonly id: number;
      readonly to: string;
      readonly head: string;
      /** base64; null = as it was. */
      readonly body: string | null;
      readonly times: number;
    }
  | { readonly ask: 'clear' };

export type Answer =
  | {
      readonly list: readonly Summary[];
      /** Numbers of those that were told as they were before `after`, and do not pass the filter any more. */
      readonly left: readonly number[];
      /** Where not all that changed can be told: which of those that were told before `after` still last. Of others no more comes. Else null. */
      readonly running: readonly number[] | null;
      readonly version: number;
      readonly bytes: number;
    }
  | { readonly detail: Detail }
  | { readonly replayed: readonly Replayed[] }
  | { readonly cleared: true }
  | { readonly problem: string };

const MAX_TIMES = 1000;

/** `masked`: lower-case names of fields beside those that are always hidden. */
export async function answerTo(
  inspector: Inspector,
  masked: readonly string[],
  question: Question,
): Promise<Answer> {
  if (question.ask === 'clear') {
    inspector.ring.clear();
    return { cleared: true };
  }
  if (question.ask === 'list') return listOf(inspector, question);
  const record = inspector.find(question.id);
  if (record === undefined) return { problem: `request ${question.id} is not kept any more` };
  const masks = new Masks(masked);
  if (question.ask === 'show') return { detail: detailOf(record, question.unmasked ? null : masks) };
  const why = whyNoReplay(record);
  if (why !== '') return { problem: `it cannot be sent again: ${why}` };
  const wish = {
    to: question.to,
    head: Buffer.from(question.head, 'utf8').toString('latin1'),
    body: question.body === null ? null : Buffer.from(question.body, 'base64'),
  };
  const replayed: Replayed[] = [];
  try {
    for (let i = 0; i < Math.min(question.times, MAX_TIMES); i++)
      replayed.push(await replay(record, wish, masks));
  } catch (error) {
    if (replayed.length === 0) return { problem: (error as Error).message };
  }
  return { replayed };
}

async function listOf(
  inspector: Inspector,
  { filter, after, limit }: Extract<Question, { ask: 'list' }>,
): Promise<Answer> {
  const passes = readFilter(filter);
  if (typeof passes !== 'function') return passes;
  const { version } = inspector;
  const { bytes } = inspector.ring;
  if (limit === 0) return { list: [], left: [], running: null, version, bytes };
  const list: Summary[] = [];
  const left: number[] = [];
  const look = (record: Record): void => {
    const summary = summaryOf(record);
    if (passes(summary)) list.push(summary);
    else if (record.firstVersion <= after) left.push(record.id);
  };
  const slices = new Slices();
  const open = inspector.open();
  let isCut = false;
  for (const record of open) {
    if (record.version > after) look(record);
    await slices.step();
  }
  // What is over changes no more: the newest in the ring are those with the highest versions.
  for (const record of inspector.ring.newestFirst()) {
    if (record.version <= after) break;
    isCut = list.length >= limit;
    if (isCut) break;
    if (record.version <= version) look(record);
    await slices.step();
  }
  list.sort((a, b) => a.id - b.id);
  isCut ||= list.length > limit || inspector.ring.lostVersion > after;
  const told = isCut ? open.filter(({ firstVersion }) => firstVersion <= after) : null;
  return { list: list.slice(-limit), left, running: told?.map(({ id }) => id) ?? null, version, bytes };
}
