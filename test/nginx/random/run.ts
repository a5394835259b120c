// Runs batches of random configurations on both sides, and makes what differs small enough to read.
import { type Pair, startPair } from '../pair.ts';
import { type Batch, makeBatch } from './batch.ts';
import { type Difference, differences } from './compare.ts';
import type { RecordingPeer } from './peer.ts';
import { type Request, requestsOf } from './requests.ts';
import { type Node, print, shrunken } from './tree.ts';

export interface Places {
  readonly root: string;
  readonly peers: readonly [nginx: RecordingPeer, lbproxy: RecordingPeer];
}

const PER_PAIR = 25;
const PER_SITE = 20;
/** Differences of one run that are made small; more are only counted. */
const SHRUNK = Number(process.env.LBPROXY_RANDOM_SHRUNK ?? 3);
const SHRINK_MS = 20_000;

/** The texts of all differences, small. */
export async function runRandom(seed: number, configurations: number, places: Places): Promise<string[]> {
  const reports: string[] = [];
  for (let done = 0, index = 0; done < configurations; index++) {
    const count = Math.min(PER_PAIR, configurations - done);
    reports.push(...(await runBatch(seed, index, count, places, reports.length)));
    done += count;
  }
  return reports;
}

async function runBatch(
  seed: number,
  index: number,
  count: number,
  places: Places,
  reported: number,
): Promise<string[]> {
  const batch = makeBatch(seed, index, places.root, count);
  const requests = batch.sites.map(({ prefixes }, i) =>
    requestsOf(seed, index * 1000 + i, prefixes, PER_SITE),
  );
  const reports: string[] = [];
  const found = await ask(
    [...batch.http, ...batch.sites.map(({ server }) => server)],
    requests.flat(),
    places,
  );
  if (typeof found === 'string') return [await shrinkStart(seed, batch, places, found)];
  for (const [i, { server }] of batch.sites.entries()) {
    const ids = new Set(requests[i].map(({ id }) => id));
    const here = found.filter(({ request }) => ids.has(request.id));
    if (here.length === 0) continue;
    const title = `seed ${seed}, batch ${index}, server ${i}, ${here.length} requests`;
    const first = here[0];
    if (reported + reports.length >= SHRUNK) reports.push(`${title}\n${tell(first)}`);
    else {
      const before = requests[i].slice(
        0,
        requests[i].findIndex(({ id }) => id === first.request.id),
      );
      reports.push(await shrink(title, [...batch.http, server], { first, before }, places));
    }
  }
  return reports;
}

/** What differs; a text when a side does not take the configuration. */
async function ask(
  nodes: readonly Node[],
  requests: readonly Request[],
  { peers }: Places,
): Promise<Difference[] | string> {
  let pair: Pair;
  try {
    pair = await startPair(print(nodes), [peers[0].places, peers[1].places]);
  } catch (error) {
    return String(error);
  }
  try {
    return await differences(pair, peers, requests);
  } finally {
    await pair.close();
    for (const peer of peers) {
      peer.takeSeen();
      peer.takeCopies();
    }
  }
}

async function shrink(
  title: string,
  nodes: readonly Node[],
  { first, before }: { readonly first: Difference; readonly before: readonly Request[] },
  places: Places,
): Promise<string> {
  const end = Date.now() + SHRINK_MS;
  const kind = kindOf(first);
  let earlier: readonly Request[] = [];
  const again = async (
    tree: readonly Node[],
    request: Request,
    asked = earlier,
  ): Promise<Difference | null> => {
    const found = await ask(tree, [...asked, request], places);
    const difference = typeof found === 'string' ? undefined : found.find((one) => one.request === request);
    return difference !== undefined && kindOf(difference) === kind ? difference : null;
  };
  let best = await again(nodes, first.request);
  if (best === null) {
    // What was stored or counted before has its part.
    best = await again(nodes, first.request, before);
    if (best === null) return `${title}: differs only sometimes\n${tell(first)}`;
    earlier = await fewest(before, async (fewer) => (await again(nodes, first.request, fewer)) !== null);
  }
  const { request } = best;
  const tree = await shrunken(nodes, async (fewer) => (await again(fewer, request)) !== null, end);
  best = (await again(tree, request)) ?? best;
  for (let i = best.request.fields.length - 1; i > 0 && Date.now() < end + 5000; i--) {
    const { fields } = best.request;
    const fewer = [...fields.slice(0, i), ...fields.slice(i + 1)];
    // What frames the body goes with it.
    const body = /^(?:content-length|transfer-encoding):/i.test(fields[i]) ? '' : best.request.body;
    const still = await again(tree, { ...best.request, fields: fewer, body });
    if (still !== null) best = still;
  }
  const told = earlier.map(({ line, fields }) => `after ${[line, ...fields].join(' | ')}\n`);
  return `${title}\n${print(tree)}\n${told.join('')}${tell(best)}`;
}

/** Leaves out one after the other. */
async function fewest(
  requests: readonly Request[],
  holds: (fewer: readonly Request[]) => Promise<boolean>,
): Promise<readonly Request[]> {
  let left = requests;
  for (const request of requests) {
    const fewer = left.filter((one) => one !== request);
    if (await holds(fewer)) left = fewer;
  }
  return left;
}

/** Which parts differ: what is made smaller must stay the same difference. */
function kindOf({ nginx, lbproxy }: Difference): string {
  const parts = (['answer', 'order', 'seen', 'copies', 'log'] as const).filter(
    (part) => JSON.stringify(nginx[part]) !== JSON.stringify(lbproxy[part]),
  );
  return parts[0];
}

export function tell({ request, nginx, lbproxy }: Difference): string {
  const lines = [request.line, ...request.fields, `(${request.body.length} bytes)`];
  // As lines may be the same, but more of them or in another order.
  lines.push(`  differs: ${kindOf({ request, nginx, lbproxy })}`);
  const theirs = flat(nginx);
  const ours = flat(lbproxy);
  for (const line of theirs) if (!ours.includes(line)) lines.push(`  nginx:   ${line}`);
  for (const line of ours) if (!theirs.includes(line)) lines.push(`  lbproxy: ${line}`);
  return lines.join('\n');
}

function flat({ answer, order, seen, copies, log }: Difference['nginx']): string[] {
  const { status, fields, framing, interim, body } = answer as Record<string, unknown> & {
    fields: readonly string[];
  };
  const text = (name: string, value: unknown): string => `${name} ${JSON.stringify(value)}`.slice(0, 700);
  return [
    text('status', status),
    ...fields.map((field) => text('field', field)),
    ...[text('framing', framing), text('interim', interim), text('body', body), text('order', order)],
    ...[text('requests to the peer', seen.length)],
    ...seen.map((one) => text('peer saw', one)),
    ...copies.map((one) => text('copy', one)),
    ...log.map((one) => text('log', one)),
  ];
}

/** A configuration that one side refuses. */
async function shrinkStart(
  seed: number,
  { http, sites }: Batch,
  places: Places,
  why: string,
): Promise<string> {
  const end = Date.now() + SHRINK_MS;
  const plain = (text: string): string =>
    (/\[emerg\].*/.exec(text)?.[0] ?? text).replace(/\S*\/\S*|\d+/g, '');
  const same = (text: string): boolean => plain(text).slice(0, 100) === plain(why).slice(0, 100);
  const tree = await shrunken(
    [...http, ...sites.map(({ server }) => server)],
    async (fewer) => {
      const found = await ask(fewer, [], places);
      return typeof found === 'string' && same(found);
    },
    end,
  );
  return `seed ${seed}: refused\n${print(tree)}\n${why}`;
}
