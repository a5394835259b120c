// explain and reality agree: random requests over random configurations. LBPROXY_EXPLAIN_REQUESTS raises their number, LBPROXY_RANDOM_SEED
// takes others.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RecordingPeer, startRecordingPeer } from '../nginx/random/peer.ts';
import { makeSite } from '../nginx/random/site.ts';
import { writeUserFiles } from '../nginx/user-files.ts';
import { makeCertificate } from '../support/certificates.ts';
import { type Agreement, agree, agreeOnAccess } from './agreement.ts';

const REQUESTS = Number(process.env.LBPROXY_EXPLAIN_REQUESTS ?? 200);
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

  const users = writeUserFiles();

  it(
    `${REQUESTS} requests of seed ${SEED} agree`,
    async () => judge(await agree(SEED, REQUESTS, { root: site.root, peer })),
    60_000 + REQUESTS * 50,
  );

  it(
    `${REQUESTS} requests of seed ${SEED} agree on who may come`,
    async () => judge(await agreeOnAccess(SEED, REQUESTS, { root: site.root, peer }, users.path('plain'))),
    60_000 + REQUESTS * 50,
  );
});

function judge({ compared, answered, forwarded, passedOver, differences }: Agreement): void {
  if (REQUESTS > 200)
    console.log({ compared, answered, forwarded, passedOver, different: differences.length });
  expect(differences.slice(0, 10).join('\n\n')).toBe('');
  expect(answered).toBeGreaterThan(compared / 10);
  expect(forwarded).toBeGreaterThan(0);
}
