// What the shared log says: of groups the steps of balance/steps.ts, each of one peer; of zones the words of their kinds; and the end of a
// process.
import { applyStep, type Step } from '../balance/steps.ts';
import type { PeerIndex } from './peer-index.ts';
import type { LogRecord } from './shared-log.ts';
import type { ZoneIndex } from './zone-index.ts';

/** The process `count` has ended, and all its exchanges with it. */
export const DEAD = 100;
export const NO_KEY = '';

/** What a process knows of what the log is about. */
export interface Followed {
  readonly peers: PeerIndex;
  readonly zones: ZoneIndex;
}

/** The same in every process: a pure function of the records so far. */
export function applyRecord({ peers, zones }: Followed, record: LogRecord): number {
  if (zones.isAbout(record)) return zones.apply(record);
  if (record.word === DEAD) {
    for (const peer of peers.peers) peer.drop(record.count);
    for (const zone of zones.all) zone.drop(record.count);
    return YES;
  }
  const peer = peers.peerOf(record.key);
  if (peer === undefined) return YES;
  return applyStep(peer, record.word as Step, record.by, record.now, record.count) ? YES : NO;
}

const NO = 0;
const YES = 1;
