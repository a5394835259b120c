// What the shared log says of groups: the steps of balance/steps.ts, each of one peer, and the end of a process.
import { applyStep, type Step } from '../balance/steps.ts';
import type { PeerIndex } from './peer-index.ts';
import { KEY_BYTES, type LogRecord } from './shared-log.ts';

/** The process `count` has ended, and all its exchanges with it. */
export const DEAD = 100;
export const NO_KEY = '\0'.repeat(KEY_BYTES);

/** The same in every process: a pure function of the records so far. */
export function applyRecord(index: PeerIndex, record: LogRecord): boolean {
  if (record.word === DEAD) {
    for (const peer of index.peers) peer.drop(record.count);
    return true;
  }
  const peer = index.peerOf(record.key);
  return peer === undefined || applyStep(peer, record.word as Step, record.by, record.now, record.count);
}
