// What nginx and lbproxy did with the same requests, in a form where equal means equal. What differs by decision is made equal here and
// nowhere else, each with its reason.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type Answer, exchangeOnce, field } from '../../support/wire.ts';
import { comparable, type Pair, type Side } from '../pair.ts';
import type { RecordingPeer } from './peer.ts';
import { bytesOf, type Request } from './requests.ts';

export interface Outcome {
  readonly answer: unknown;
  readonly order: readonly string[];
  seen: readonly string[];
  copies: readonly string[];
  log: readonly string[];
}

export interface Difference {
  readonly request: Request;
  readonly nginx: Outcome;
  readonly lbproxy: Outcome;
}

/** nginx writes these in front of all others, whatever came first. */
const IN_FRONT =
  /^(?:server|date|content-type|content-length|last-modified|location|transfer-encoding|connection|keep-alive)$/i;

/** nginx leaves a request without an answer now and then (try_files … =200): there is nothing to compare with. */
const SILENCE: Answer = {
  statusLine: 'no whole answer',
  status: 0,
  fields: [],
  body: '',
  framing: 'cut',
  interim: [],
};

/** A request line whose target has nothing but what a target may hold. */
const TARGET = /^\S+ [!-~]+ HTTP/;

/** All requests, one after the other on each side, and both sides at once. */
export async function differences(
  pair: Pair,
  peers: readonly [nginx: RecordingPeer, lbproxy: RecordingPeer],
  requests: readonly Request[],
): Promise<Difference[]> {
  const sides = [pair.nginx, pair.lbproxy];
  const all: { request: Request; outcomes: Outcome[] }[] = [];
  const uncountable = new Set<string>();
  // After a condition or a range that fails nginx ends the request before its copies have begun.
  const uncopied = new Set<string>();
  for (const request of requests) {
    const answers = await Promise.all(
      sides.map((side) =>
        exchangeOnce(side.port, bytesOf(request), { timeoutMs: 1500 }).catch(() => SILENCE),
      ),
    );
    if (answers.some(isUncountable) || request.body !== '') uncountable.add(request.id);
    if (answers[0].status === 412 || isUnsatisfied(answers[0])) uncopied.add(request.id);
    all.push({
      request,
      outcomes: sides.map((side, i) => outcomeOf(answers[i], side, peers[i])),
    });
  }
  // A request is logged once its copies are answered.
  const copies = await copiesOf(sides, peers);
  const logs = await logsOf(sides, peers, requests.at(-1)?.id ?? '');
  for (const [i, peer] of peers.entries()) putInPlace(all, i, peer);
  const differ: Difference[] = [];
  for (const { request, outcomes } of all) {
    for (const [i, outcome] of outcomes.entries())
      outcome.log = (logs[i].get(request.id) ?? []).map((text) =>
        logLine(request.line.startsWith('HEAD ') ? withoutBody(text) : text, uncountable.has(request.id)),
      );
    for (const [i, outcome] of outcomes.entries())
      outcome.copies = uncopied.has(request.id) ? [] : (copies[i].get(request.id) ?? []);
    const [nginx, lbproxy] = outcomes;
    if ((nginx.answer as { status: string }).status === SILENCE.statusLine) continue;
    // A variable in proxy_pass goes as it is there, escaped here.
    if (nginx.seen.some((seen) => !TARGET.test(seen))) continue;
    if (standsForUnsatisfied(nginx)) continue;
    if (JSON.stringify(nginx) !== JSON.stringify(lbproxy)) differ.push({ request, nginx, lbproxy });
  }
  return differ;
}

/** Sizes of chunks, of what deflate makes and of a signature that sub_filter has changed are each program's own. So is how much of a body that nobody wants is read, a peer's too. */
function isUncountable(answer: Answer): boolean {
  return (
    answer.framing === 'chunked' ||
    field(answer, 'content-encoding') === 'gzip' ||
    (answer.framing === 'close' && answer.body.includes(SIGNATURE[0])) ||
    // One slash less, see `named`.
    /^https?:\/\/[^/]+\/\//.test(field(answer, 'location')) ||
    isUnsatisfied(answer) ||
    answer.status === 412
  );
}

/** A page in the place of a 416: nginx asks for types by that of the answer before, and cuts it by the range, too, where a peer makes it. */
function standsForUnsatisfied({ answer, order }: Outcome): boolean {
  const { fields, body } = answer as { fields: readonly string[]; body: string };
  return (
    order.includes('Content-Range') &&
    fields.some((text) => text.startsWith('Content-Range: bytes */')) &&
    !body.includes('416 Requested Range Not Satisfiable')
  );
}

/** With add_trailer nginx sends a 416 and its error page chunked, without a trailer. */
function isUnsatisfied(answer: Answer): boolean {
  return answer.status === 416 || field(answer, 'content-range').startsWith('bytes */');
}

const SIGNATURE = ['<hr><center>', '</center>\r\n</body>'] as const;

/** Whatever sub_filter has made of it. */
function withoutSignature(body: string): string {
  const start = body.lastIndexOf(SIGNATURE[0]);
  const end = body.indexOf(SIGNATURE[1], start);
  return start < 0 || end < 0 ? body : `${body.slice(0, start)}SIGNED${body.slice(end)}`;
}

function outcomeOf(answer: Answer, side: Side, peer: RecordingPeer): Outcome {
  const unzipped = { ...answer, body: plainBody(answer) };
  const date = Date.parse(field(answer, 'date'));
  const text = (value: string): string => named(sinceDate(value, date), side, peer);
  const { status, framing, interim, body, ...rest } = comparable(unzipped, side);
  const isFramed = !isUnsatisfied(answer);
  const fields = isFramed
    ? rest.fields
    : rest.fields.filter((one) => !/^(?:content-length|transfer)/i.test(one));
  return {
    answer: {
      status,
      fields: fields.map(text),
      framing: isFramed ? framing : '',
      interim,
      body: withoutSignature(text(body)),
    },
    order: answer.fields.map(([name]) => name).filter((name) => !IN_FRONT.test(name)),
    seen: peer.takeSeen().map((one) => text(inOrder(one))),
    copies: [],
    log: [],
  };
}

/** What was asked on behalf of a request that nginx had answered before: it is told by the field that names it. */
function putInPlace(
  all: readonly { request: Request; outcomes: readonly Outcome[] }[],
  i: number,
  peer: RecordingPeer,
): void {
  const late = peer.takeSeen();
  const byId = new Map(all.map(({ request }) => [request.id, [] as string[]]));
  for (const { request, outcomes } of all)
    for (const text of outcomes[i].seen) (byId.get(idIn(text)) ?? byId.get(request.id))?.push(text);
  for (const text of late) byId.get(idIn(text))?.push(text);
  for (const { request, outcomes } of all) outcomes[i].seen = byId.get(request.id) ?? [];
}

const idIn = (text: string): string => /^(?:X-Case: |HTTP_X_CASE=)(\S+)$/m.exec(text)?.[1] ?? '';

/** Copies come at any time: once both sides have as many, or no more come, by the request that they are of. */
async function copiesOf(
  sides: readonly Side[],
  peers: readonly RecordingPeer[],
): Promise<Map<string, string[]>[]> {
  const all: string[][] = [[], []];
  for (let i = 0, quiet = 0; quiet < LOOKS && (i === 0 || all[0].length !== all[1].length); i++) {
    const more = peers.map((peer) => peer.takeCopies());
    for (const [n, copies] of more.entries()) all[n].push(...copies);
    quiet = more.some((copies) => copies.length > 0) ? 0 : quiet + 1;
    if (i > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return all.map((texts, n) => {
    const byId = new Map<string, string[]>();
    for (const text of texts) {
      const id = idIn(text);
      byId.set(id, [...(byId.get(id) ?? []), named(inOrder(text), sides[n], peers[n])].sort());
    }
    return byId;
  });
}

/** A time to come is counted from Date: the two do not answer in the same second. */
function sinceDate(value: string, date: number): string {
  const time = /^Expires: (.* GMT)$/.exec(value)?.[1];
  const seconds = time === undefined ? Number.NaN : (Date.parse(time) - date) / 1000;
  return Math.abs(seconds) < 1e6 ? `Expires: about ${Math.round(seconds / 10)}0 s later` : value;
}

/** lbproxy writes Host first (RFC 9110 §7.2), nginx behind the fields of proxy_set_header: only lines of one name have an order. */
function inOrder(seen: string): string {
  const [line, ...rest] = seen.split('\n');
  const end = rest.indexOf('');
  const name = (field: string): string => field.slice(0, field.indexOf(':')).toLowerCase();
  const fields = rest.slice(0, end).sort((a, b) => (name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0));
  return [line, ...fields, ...rest.slice(end)].join('\n');
}

/** Two implementations of deflate write different bytes. */
function plainBody({ fields, body }: Answer): string {
  if (!fields.some(([name, value]) => name === 'Content-Encoding' && value === 'gzip')) return body;
  try {
    return `gzip of ${gunzipSync(Buffer.from(body, 'latin1')).latin1Slice()}`;
  } catch {
    return body;
  }
}

/** Of those that are new. */
const UID = /\b(uid|other)=(?:[A-Za-z0-9+/]{22}[=a]=|[0-9A-F]{32})/g;

/** Each side has ports, a peer and a directory of its own. */
function named(value: string, side: Side, peer: RecordingPeer): string {
  // A Location for a path that begins with `//` has one slash here.
  const text = value
    .replace(/boundary=\d{20}/g, 'boundary=BOUNDARY')
    .replace(UID, '$1=UID')
    .replace(/(http:\/\/[^/ ]+)\/\/+/g, '$1/');
  return side.ports
    .reduce((plain, port, i) => plain.replaceAll(String(port), `PORT${i}`), text)
    .replace(/\b\d{4,5}\b/g, (port) => placeOf(peer, port) ?? port)
    .replaceAll(side.dir, 'DIR');
}

function placeOf({ places }: RecordingPeer, port: string): string | undefined {
  return Object.keys(places).find((name) => places[name].endsWith(`:${port}`));
}

/** How much is read of a body that the client of a HEAD does not get (proxy_method, a cache) is each program's own. */
const withoutBody = (line: string): string => line.replace(/\b(upstream_bytes_received)=\d+/g, '$1=N');

function logLine(line: string, isUncountable: boolean): string {
  // Whether empty arguments are set or not depends on what lay on nginx's stack (ngx_http_split_args).
  const text = line.replace(/\bargs=-(?= |$)/, 'args=');
  if (!isUncountable) return text;
  return text
    .replace(/\b(body_bytes_sent|bytes_sent|request_length|upstream_bytes_received)=\d+/g, '$1=N')
    .replace(/ sent_http_(?:content_length|transfer_encoding)=[^ "]*/g, '');
}

/** Lines by the request they tell of: once both sides have as many and tell of the last one, or no more come. */
async function logsOf(
  sides: readonly Side[],
  peers: readonly RecordingPeer[],
  lastId: string,
): Promise<Map<string, string[]>[]> {
  let [before, quiet] = [0, 0];
  for (;;) {
    for (const side of sides) side.flush();
    const texts = sides.map((side) => readLog(join(side.dir, 'access.log')).split('\n'));
    const now = texts[0].length + texts[1].length;
    quiet = now === before ? quiet + 1 : 0;
    before = now;
    const areAll =
      texts[0].length === texts[1].length &&
      texts.every((lines) => lines.some((line) => line.startsWith(`${lastId} `)));
    if (areAll || quiet === LOOKS) return texts.map((lines, n) => linesById(lines, sides[n], peers[n]));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** After so many looks in a row that found nothing new no more is expected. */
const LOOKS = 50;

function linesById(lines: readonly string[], side: Side, peer: RecordingPeer): Map<string, string[]> {
  const byId = new Map<string, string[]>();
  for (const text of lines) {
    const id = text.slice(0, text.indexOf(' '));
    const list = byId.get(id);
    const plain = named(text, side, peer);
    if (list === undefined) byId.set(id, [plain]);
    else list.push(plain);
  }
  return byId;
}

function readLog(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
