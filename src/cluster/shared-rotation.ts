// Where the rotation of each group stands, in one small file that all acceptors have open: read before a choice, written after it. A
// request that is sent after another was answered finds what that one left, whichever process takes it; messages arrive too late to
// promise that (measured: 1 to 8 of 100 sequential requests overtook them). Beside it each acceptor has an order of its own for crowds.
// Whichever is left goes on later where it stood: orders that began anew each time would give some peers more than their share.

import { readSync, writeSync } from 'node:fs';
import type { Group } from '../balance/group.ts';
import type { Peer } from '../balance/peer.ts';
import { sha256 } from '../shared/sha256.ts';

/** The file's descriptor in an acceptor: the first behind stdio and the channel. */
export const ROTATION_FD = 4;

const REGION_BYTES = 8192;
/** 32-bit words: which peers these are, then whose turn it is, or two for each peer: its current and its effective weight. */
const MAX_PEERS = (REGION_BYTES / 4 - 1) / 2;

/** A group's part of the file. */
interface Region {
  readonly position: number;
  readonly peers: readonly Peer[];
  /** Peers simply take turns: one word says where they are. */
  readonly turns: boolean;
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  /** Tells this list of peers from any other that had the region before a reload. */
  readonly check: number;
  /** Where the order of this process alone stood when it was left: whose turn it is, or each peer's current weight; null = nowhere yet. */
  own: Int32Array | null;
  /** The group follows that order now. */
  alone: boolean;
}

export class SharedRotation {
  readonly #fd: number;
  readonly #positions = new Map<Group, number>();
  readonly #regions = new Map<Group, Region>();

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** The groups of the running configuration, in the order that all acceptors have them in. */
  use(groups: Iterable<Group>): void {
    this.#positions.clear();
    this.#regions.clear();
    for (const group of groups) this.#positions.set(group, this.#positions.size * REGION_BYTES);
  }

  /** Takes over where all together stand. */
  load(group: Group): void {
    const region = this.#regionOf(group);
    if (region === undefined) return;
    const { bytes, words, peers, position } = region;
    // Where there is no file the descriptor is /dev/null: nothing is read, and each acceptor turns by itself.
    if (readSync(this.#fd, bytes, 0, bytes.length, position) !== bytes.length) return;
    if (region.alone) leaveOwn(group, region);
    if (words[0] !== region.check) return;
    if (region.turns) {
      group.turn = words[1];
      return;
    }
    for (let i = 0, at = 1; i < peers.length; i++) {
      peers[i].currentWeight = words[at++];
      peers[i].effectiveWeight = words[at++];
    }
  }

  /** Goes on in the order of this process alone. */
  turnAlone(group: Group): void {
    const region = this.#regionOf(group);
    if (region === undefined || region.alone) return;
    region.alone = true;
    const { own, peers, turns } = region;
    if (own === null) return;
    if (turns) group.turn = own[0];
    else for (let i = 0; i < peers.length; i++) peers[i].currentWeight = own[i];
  }

  /** Leaves where it stands now, if that is in the common order. */
  store(group: Group): void {
    const region = this.#regionOf(group);
    if (region === undefined || region.alone) return;
    const { bytes, words, position } = region;
    words[0] = region.check;
    if (region.turns) words[1] = group.turn;
    else this.#writeWeights(region);
    try {
      writeSync(this.#fd, bytes, 0, bytes.length, position);
    } catch {
      // No memory left: each acceptor turns by itself.
    }
  }

  #writeWeights({ words, peers }: Region): void {
    for (let i = 0, at = 1; i < peers.length; i++) {
      words[at++] = peers[i].currentWeight;
      words[at++] = peers[i].effectiveWeight;
    }
  }

  /** Undefined for a group of an earlier configuration and one that has no turns. */
  #regionOf(group: Group): Region | undefined {
    const known = this.#regions.get(group);
    if (known !== undefined && known.peers === group.peers) return known;
    const position = this.#positions.get(group);
    const { peers } = group;
    const turns = group.turn >= 0;
    if (position === undefined || peers.length < 2 || (!turns && peers.length > MAX_PEERS)) return undefined;
    const words = new Int32Array(turns ? 2 : 1 + 2 * peers.length);
    const bytes = new Uint8Array(words.buffer);
    const identity = JSON.stringify([group.id, peers.map((peer) => peer.name)]);
    // Never 0, which is what an unwritten region holds.
    const check = sha256(identity).readInt32LE() | 1;
    const region = { position, peers, turns, words, bytes, check, own: null, alone: false };
    this.#regions.set(group, region);
    return region;
  }
}

function leaveOwn(group: Group, region: Region): void {
  const { peers, turns } = region;
  region.alone = false;
  region.own ??= new Int32Array(turns ? 1 : peers.length);
  if (turns) region.own[0] = group.turn;
  else for (let i = 0; i < peers.length; i++) region.own[i] = peers[i].currentWeight;
}
