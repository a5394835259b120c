// What can happen to a peer that every acceptor has to agree on, each as one step of a pure fold: whoever applies the same steps in the
// same order has the same state. An acceptor that acts alone applies them at once; several write them to one log first (cluster/).
import type { Peer } from './peer.ts';

/** An exchange begins on the peer, if it has room for one and is not out at this moment. */
export const TAKE = 1;
/** That exchange ended. */
export const GIVE = 2;
/** A peer whose pause is over is to be tried once; refused to all but the first. */
export const CHANCE = 3;
export const FAILED = 4;
/** It answered: ends a time of failures if it was given a chance since the last one. */
export const LIVED = 5;
/** Its failures are forgotten: it starts anew, or all peers are out and get one more chance. */
export const RESET = 6;
/** As many exchanges as `count` says were under way on it before others shared the group. */
export const HOLD = 7;

export type Step =
  | typeof TAKE
  | typeof GIVE
  | typeof CHANCE
  | typeof FAILED
  | typeof LIVED
  | typeof RESET
  | typeof HOLD;

/** Applies one step that the process `by` made at `now` (monotonic ms). False: what it asked for is refused, and nothing changed. */
export function applyStep(peer: Peer, step: Step, by: number, now: number, count = 1): boolean {
  switch (step) {
    case TAKE:
      if (peer.isFull || peer.isFailing(now)) return false;
      peer.noteChance(now);
      peer.hold(by, 1);
      return true;
    case GIVE:
      peer.hold(by, -1);
      return true;
    case CHANCE:
      if (peer.isFailing(now)) return false;
      peer.noteChance(now);
      return true;
    case FAILED:
      peer.noteFailure(now);
      return true;
    case LIVED:
      peer.noteSuccess();
      return true;
    case RESET:
      peer.fails = 0;
      return true;
    case HOLD:
      peer.hold(by, count);
      return true;
  }
}
