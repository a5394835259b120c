// nginx and lbproxy in front of one peer that echoes, for the tests of a file.
import { afterAll, beforeAll } from 'vitest';
import type { TestPeer } from '../support/upstream.ts';
import { startEchoPeer } from './echo-peer.ts';
import { type Pair, startPair } from './pair.ts';

/** `configuration` is given the peer's address. The pair is there once the tests run. */
export function pairBeforeEcho(configuration: (peer: string) => string): () => Pair {
  let peer: TestPeer | undefined;
  let pair: Pair | undefined;
  beforeAll(async () => {
    peer = await startEchoPeer();
    pair = await startPair(configuration(peer.address));
  });
  afterAll(async () => {
    await pair?.close();
    await peer?.close();
  });
  return () => {
    if (pair === undefined) throw new Error('the pair has not started');
    return pair;
  };
}
