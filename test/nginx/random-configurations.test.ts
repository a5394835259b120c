// Configurations made at random, each with requests made at random: nginx and lbproxy answer, ask their peer and log the same.
// LBPROXY_RANDOM_CONFIGURATIONS raises their number, LBPROXY_RANDOM_SEED takes others.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { makeCertificate } from '../support/certificates.ts';
import { nginxVersion } from '../support/nginx.ts';
import { type RecordingPeer, startRecordingPeer } from './random/peer.ts';
import { runRandom } from './random/run.ts';
import { makeSite } from './random/site.ts';

// As long as nginx's, so that lengths and counts of bytes in which the signature has its part are equal.
vi.mock('../../src/version.ts', () => ({ VERSION: '1.22' }));

const CONFIGURATIONS = Number(process.env.LBPROXY_RANDOM_CONFIGURATIONS ?? 200);
const SEED = Number(process.env.LBPROXY_RANDOM_SEED ?? 20_261_126);

describe.skipIf(nginxVersion === '')('random configurations beside nginx', () => {
  const site = makeSite();
  let peers: [RecordingPeer, RecordingPeer];
  beforeAll(async () => {
    const own = makeCertificate(site.root, 'peer', 'peer.test');
    peers = [await startRecordingPeer(own), await startRecordingPeer(own)];
  });
  afterAll(async () => {
    for (const peer of peers ?? []) await peer.close();
    site.remove();
  });

  it(
    `${CONFIGURATIONS} of seed ${SEED} are equal`,
    async () => {
      const reports = await runRandom(SEED, CONFIGURATIONS, { root: site.root, peers });
      expect(reports.join('\n\n')).toBe('');
    },
    120_000 + CONFIGURATIONS * 5000,
  );
});
