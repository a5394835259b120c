// Random configurations and requests: what explain says beforehand, and what then happens on real sockets.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildModel } from '../../src/config/build.ts';
import { parse } from '../../src/config/nginx/parse.ts';
import { Problems } from '../../src/config/problem.ts';
import type { Tree } from '../../src/config/tree.ts';
import { Explainer } from '../../src/explain/explainer.ts';
import type { Explanation } from '../../src/explain/explanation.ts';
import { SetAt } from '../../src/explain/set-at.ts';
import { ANSWERS } from '../nginx/random/answers.ts';
import { makeBatch } from '../nginx/random/batch.ts';
import { kindOf, type RecordingPeer } from '../nginx/random/peer.ts';
import { bytesOf, type Request, requestsOf } from '../nginx/random/requests.ts';
import { print } from '../nginx/random/tree.ts';
import { RandomServer, randomOf, randomRequest } from '../nginx/random-access.ts';
import { freePorts } from '../support/free-ports.ts';
import { startProxy } from '../support/proxy.ts';
import { deadPort } from '../support/upstream.ts';
import { type Answer, exchangeOnce } from '../support/wire.ts';

export interface Places {
  readonly root: string;
  readonly peer: RecordingPeer;
}

export interface Agreement {
  /** Requests whose outcome nobody but lbproxy has a part in, or whose head to the peer was compared. */
  compared: number;
  answered: number;
  forwarded: number;
  /** Depends on what a peer says to a subrequest, or on limits that count what came before. */
  passedOver: number;
  readonly differences: string[];
}

const SITES = 10;
const PER_SITE = 12;

/** At least so many are compared. */
export async function agree(seed: number, count: number, places: Places): Promise<Agreement> {
  const sum: Agreement = { compared: 0, answered: 0, forwarded: 0, passedOver: 0, differences: [] };
  for (let index = 0; sum.compared < count; index++) await agreeOnBatch(seed, index, places, sum);
  return sum;
}

async function agreeOnBatch(
  seed: number,
  index: number,
  { root, peer }: Places,
  sum: Agreement,
): Promise<void> {
  const batch = makeBatch(seed, index, root, SITES);
  const requests = batch.sites.flatMap(({ prefixes }, i) =>
    requestsOf(seed, index * 1000 + i, prefixes, PER_SITE),
  );
  const text = print([...batch.http, ...batch.sites.map(({ server }) => server)]);
  await agreeOn(text, requests, peer, sum);
}

/** The servers that decide who may come and who answers; at least so many requests are compared. */
export async function agreeOnAccess(
  seed: number,
  count: number,
  { root, peer }: Places,
  users: string,
): Promise<Agreement> {
  const sum: Agreement = { compared: 0, answered: 0, forwarded: 0, passedOver: 0, differences: [] };
  const places = { root, peer: '{peer}', dead: `127.0.0.1:${await deadPort()}` };
  for (let index = 0; sum.compared < count; index++) {
    const random = randomOf(seed * 1000 + index);
    const hosts = Array.from({ length: SITES }, (_, i) => `c${i}.test`);
    const servers = hosts.map((host) => new RandomServer(random, places, users).text(host));
    const requests = hosts.flatMap((host) =>
      Array.from({ length: PER_SITE }, (_, i) =>
        toRequest(randomRequest(random, host).bytes, `${host}-${i}`),
      ),
    );
    await agreeOn(servers.join(''), requests, peer, sum);
  }
  return sum;
}

function toRequest(bytes: string, id: string): Request {
  const [head, body] = bytes.split('\r\n\r\n');
  const [line, ...fields] = head.split('\r\n');
  return { id, line, fields, body };
}

async function agreeOn(
  http: string,
  requests: readonly Request[],
  peer: RecordingPeer,
  sum: Agreement,
): Promise<void> {
  const [port] = await freePorts(1);
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-explain-'));
  const known: Readonly<Record<string, string>> = { ...peer.places, port: `127.0.0.1:${port}`, dir };
  const placed = http.replace(/\{(\w+)\}/g, (all, name: string) => known[name] ?? all);
  const text = `http {\n${labelled(placed, dir)}}\n`;
  const proxy = await startProxy(text);
  try {
    const foreseen = await explainAll(text, port, requests);
    if (peer.takeSeen().length + peer.takeCopies().length > 0)
      sum.differences.push('a peer was asked for an explanation');
    const came: { answer: Answer; seen: string[] }[] = [];
    for (const request of requests) {
      const answer = await exchangeOnce(port, bytesOf(request), { timeoutMs: 2000 }).catch(() => SILENCE);
      came.push({ answer, seen: peer.takeSeen() });
    }
    const logged = await wholeLog(join(dir, 'access.log'), requests, () => proxy.logFiles.flushAllSync());
    const keys = new Set<string>();
    for (const [i, request] of requests.entries()) {
      if (isAgain(foreseen[i].told, keys)) sum.passedOver++;
      else compare(request, foreseen[i], { ...came[i], log: logged.get(request.id) }, sum);
    }
  } finally {
    await proxy.close();
    peer.takeCopies();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** What a cache was asked for before: it may have it by then, or count. */
function isAgain({ ending }: Explanation, keys: Set<string>): boolean {
  const key = ending.kind === 'forward' ? (ending.forward.cache?.key ?? '') : '';
  if (key === '') return false;
  const before = keys.has(key);
  keys.add(key);
  return before;
}

const SILENCE: Answer = { statusLine: '', status: 0, fields: [], body: '', framing: 'cut', interim: [] };

// Each location logs under a name of its own.

function labelled(http: string, dir: string): string {
  let labels = 0;
  const all = http
    .replace(/\baccess_log [^;]*;/g, '')
    .replace(
      /\b(?:server|location [^{};]*?) \{(?= |\n)/g,
      (block) => `${block} access_log ${dir}/access.log L${labels++};`,
    );
  const formats = Array.from(
    { length: labels },
    (_, i) =>
      `log_format L${i} escape=json '{"id":"$http_x_case","place":"L${i}","server":"$server_name","uri":"$uri","status":"$status","peer":"$upstream_addr","cache":"$upstream_cache_status"}';`,
  );
  return `${formats.join('\n')}\n${all}`;
}

/** Given at random. */
const withoutId = (line: string): string => line.replace(/^(set-cookie: *\w+=)[\w+/]{22}==/i, '$1ID');

const firstPeer = ({ log }: Pick<Real, 'log'>): string | undefined => log?.peer.split(/, | : /)[0];

interface Logged {
  readonly id: string;
  readonly place: string;
  readonly server: string;
  readonly uri: string;
  readonly status: string;
  readonly peer: string;
  readonly cache: string;
}

/** A request is logged once its copies are answered. */
async function wholeLog(
  path: string,
  requests: readonly Request[],
  flush: () => void,
): Promise<Map<string, Logged>> {
  for (let tries = 0; ; tries++) {
    flush();
    const log = readLog(path);
    if (tries === 100 || requests.every(({ id }) => log.has(id))) return log;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function readLog(path: string): Map<string, Logged> {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  return new Map(lines.map((line) => JSON.parse(line) as Logged).map((one) => [one.id, one]));
}

interface Foreseen {
  readonly told: Explanation;
  readonly place: string;
}

async function explainAll(text: string, port: number, requests: readonly Request[]): Promise<Foreseen[]> {
  const file = '/nowhere/nginx.conf';
  const problems = new Problems();
  const directives = parse(text, file, problems);
  const tree: Tree = { syntax: 'nginx', file, directives, sources: new Map([[file, text]]) };
  const model = buildModel(tree, '/nowhere', problems);
  const explainer = await Explainer.create(model, tree, { hosts: {}, programs: {} });
  const setAt = new SetAt(tree);
  const all: Foreseen[] = [];
  for (const request of requests) {
    const bytes = bytesOf(request);
    const end = bytes.indexOf('\r\n\r\n') + 4;
    const told = await explainer.explain({
      url: { secure: false, authority: '', host: '127.0.0.1', port, target: request.line.split(' ')[1] },
      head: bytes.slice(0, end),
      body: bodyOf(request, bytes.slice(end)),
      from: '127.0.0.1',
    });
    if (typeof told === 'string') throw new Error(`${request.line}: ${told}`);
    const label = setAt.applied(told.location.at, 'accessLog')?.value.split(' ')[1] ?? '';
    all.push({ told, place: label });
  }
  return all;
}

/** Without the framing of chunks. */
function bodyOf({ fields }: Request, bytes: string): Buffer {
  if (!fields.includes('Transfer-Encoding: chunked')) return Buffer.from(bytes, 'latin1');
  let body = '';
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.slice(at, lineEnd), 16);
    if (size === 0) return Buffer.from(body, 'latin1');
    body += bytes.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
  }
}

// Comparing.

interface Real {
  readonly answer: Answer;
  readonly seen: readonly string[];
  readonly log: Logged | undefined;
}

function compare(request: Request, { told, place }: Foreseen, real: Real, sum: Agreement): void {
  if (dependsOnOthers(told, real)) {
    sum.passedOver++;
    return;
  }
  sum.compared++;
  const { ending } = told;
  if (ending.kind === 'forward') sum.forwarded++;
  else sum.answered++;
  const isDead = ending.kind === 'forward' && real.seen.length === 0;
  // What is made of a peer's answer (a range that it has not, say) may lead elsewhere.
  const turns =
    isDead || (ending.kind === 'forward' && !(real.seen.every(isPlain) && /^2/.test(real.log?.status ?? '')));
  const expected = {
    server: told.server.name,
    ...(turns ? {} : { place, uri: told.location.uri }),
    ...(isDead
      ? { peer: told.ending.kind === 'forward' ? told.ending.forward.order[0]?.peer : '' }
      : ofEnding(told, turns)),
  };
  const found = {
    server: real.log?.server,
    ...(turns ? {} : { place: real.log?.place, uri: real.log?.uri }),
    ...(isDead ? { peer: firstPeer(real) } : ofReal(told, real)),
  };
  if (JSON.stringify(expected) === JSON.stringify(found)) return;
  const parts = Object.keys(expected).filter(
    (key) =>
      JSON.stringify(expected[key as keyof typeof expected]) !==
      JSON.stringify(found[key as keyof typeof found]),
  );
  const lines = parts.map(
    (key) =>
      `  ${key}\n    said  ${JSON.stringify(expected[key as keyof typeof expected])}\n    came  ${JSON.stringify(found[key as keyof typeof found])}`,
  );
  sum.differences.push([request.line, ...request.fields, request.id, ...lines].join('\n'));
}

function ofEnding({ ending }: Explanation, turns: boolean): Record<string, unknown> {
  switch (ending.kind) {
    case 'answer':
      return { status: ending.answer.status, fields: comparable(ending.answer.fields), peer: '' };
    case 'forward': {
      const { sent, order } = ending.forward;
      const isHttp = sent.first !== '';
      const lines = sent.fields
        .map(({ line }) => line)
        .filter((line) => !isHttp || !/^connection:/i.test(line));
      const head = isHttp
        ? [sent.first, ...lines].join('\n')
        : [
            PROTOCOLS[ending.forward.family] ?? '',
            ...lines.map((line) => line.replace(/: /, '=')).sort(),
          ].join('\n');
      return { head, ...(turns ? {} : { peer: order[0]?.peer }) };
    }
    default:
      return { status: 0 };
  }
}

function ofReal({ ending }: Explanation, { answer, seen, log }: Real): Record<string, unknown> {
  switch (ending.kind) {
    case 'answer': {
      const lines = answer.fields.map(
        ([name, value]) => `${name}: ${Buffer.from(value, 'latin1').toString('utf8')}`,
      );
      return { status: answer.status, fields: comparable(lines), peer: '' };
    }
    case 'forward': {
      const said = ofEnding({ ending } as Explanation, true).head as string;
      const heads = seen.map((text) => Buffer.from(text.split('\n\n')[0], 'latin1').toString('utf8'));
      const head = heads.includes(said) ? said : heads[0];
      return {
        head,
        ...(seen.every(isPlain) && /^2/.test(log?.status ?? '') ? { peer: firstPeer({ log }) } : {}),
      };
    }
    default:
      return { status: answer.status };
  }
}

const PROTOCOLS: Readonly<Record<string, string>> = { fastcgi: 'FastCGI', uwsgi: 'uwsgi', scgi: 'scgi' };

/** What is framed at the end is the connection's; times pass. */
function comparable(fields: readonly string[]): string[] {
  return (
    fields
      .filter(
        (line) =>
          !/^(?:server|date|connection|keep-alive|content-length|transfer-encoding|expires):/i.test(line) &&
          !/^content-type: multipart/i.test(line),
      )
      // Blanks around a value are none of it.
      .map((line) => withoutId(line.replace(/: *(.*?) *$/, ': $1')))
      .sort()
  );
}

/** A peer's answer that goes to the client as it is, and ends the request where it was forwarded. */
function isPlain(seen: string): boolean {
  const [line, ...fields] = seen.split('\n');
  const kind = kindOf(
    !line.includes(' ') ? (fields.find((f) => f.startsWith('REQUEST_URI=')) ?? '') : line,
    fields,
  );
  if (kind === 0) return true;
  const told = ANSWERS[kind - 1];
  if (told === undefined) return false;
  return (
    /^2/.test(told.status ?? '200') && !(told.fields ?? []).some((field) => field.startsWith('X-Accel-'))
  );
}

function dependsOnOthers({ trail, ending }: Explanation, { answer, log }: Real): boolean {
  // Explained before anything was stored, or counted.
  const isCached = trail.some((event) => event.kind === 'content' && event.content === 'cache');
  if (isCached && (ending.kind !== 'forward' || !['MISS', 'BYPASS', ''].includes(log?.cache ?? '')))
    return true;
  const asksPeer = trail.some((event) => event.kind === 'forward' && event.depth > 0);
  const asks = trail.some((event) => event.kind === 'step' && event.step === 'auth_request');
  const limited = trail.some((event) => event.kind === 'step' && event.step.startsWith('limit_'));
  return (asks && asksPeer) || (limited && [429, 503, 444].includes(answer.status));
}
