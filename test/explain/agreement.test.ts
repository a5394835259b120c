// explain and reality agree: random requests over random configurations. LBPROXY_EXPLAIN_REQUESTS raises their number, LBPROXY_RANDOM_SEED
// takes others.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RecordingPeer, startRecordingPeer } from '../nginx/random/peer.ts';
import { makeSite } from '../nginx/random/site.ts';
import { makeCertificate } from '../support/certificates.ts';
import { agree } from './agreement.ts';

const REQUESTS = Number(process.env.LBPROXY_EXPLAIN_REQUESTS ?? 100);
const SEED = Number(process.env.LBPROXY_RANDOM_SEED ?? 20_261_126);

describe('what explain says and what happens', () => {
  const site = makeSite();
  let peer: RecordingPeer;
  beforeAll(async () => {
    peer = await startRecordingPeer(makeCertificate(site.root, 'peer', 'peer.test'));
  });
  afterAll(async () => {
    await peer?.close();
    site.remove();
  });

  it(
    `${REQUESTS} requests of seed ${SEED} agree`,
    async () => {
      const { compared, answered, forwarded, passedOver, differences } = await agree(SEED, REQUESTS, {
        root: site.root,
        peer,
      });
      if (REQUESTS > 100)
        console.log({ compared, answered, forwarded, passedOver, different: differences.length });
      expect(differences.slice(0, 10).join('\n\n')).toBe('');
      expect(answered).toBeGreaterThan(compared / 10);
      expect(forwarded).toBeGreaterThan(compared / 10);
    },
    60_000 + REQUESTS * 50,
  );
});
