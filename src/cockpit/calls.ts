// What the page, `lbproxy top` and anybody with the token may call: JSON in, JSON out (docs/LIVE-VIEW.md).
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer, Question } from '../inspect/questions.ts';
import type { Replayed } from '../inspect/replay.ts';
import type { Detail } from '../inspect/view.ts';
import { CallError, type Fields, readBody, words } from './call-input.ts';
import type { CockpitFace, PeerWish } from './face.ts';
import { readFaultWish } from './fault-wish.ts';
import { harOf } from './har.ts';
import { programCall, programLog } from './program-calls.ts';
import { listRequests, type RequestList, readVersions } from './request-list.ts';
import { stateOf } from './state-view.ts';
import type { LiveStreams } from './streams.ts';

type Call = (face: CockpitFace, given: Given) => unknown;

interface Given {
  /** Behind the fixed part of the path. */
  readonly rest: string;
  readonly query: URLSearchParams;
  readonly body: Fields;
}

/** A request: which acceptor has it, and its number there. */
const REQUEST_ID = /^(\d+)-(\d+)$/;
const MAX_LIST = 1000;

const READS: Readonly<Record<string, Call>> = {
  state: stateOf,
  topology: (face) => face.topology(),
  configuration: (face) => ({ settings: face.settings(), problems: face.problems() }),
  events: (face, { query }) => ({ events: face.events.since(Number(query.get('after') ?? 0)) }),
  requests: (face, { rest, query }) =>
    rest === '' ? askedRequests(face, query) : showRequest(face, rest, query),
  har: async (face, { query }) => {
    const details: Detail[] = [];
    const { requests } = await askedRequests(face, query);
    for (const { id } of requests) {
      // One that went meanwhile is left out.
      const detail = await showRequest(face, id, query).catch(() => null);
      if (detail !== null) details.push(detail);
    }
    return harOf(details, face.version);
  },
  faults: (face) => ({ faults: face.faults() }),
  logs: (face, { rest, query }) => programLog(face, rest, query),
};

const CHANGES: Readonly<Record<string, Call>> = {
  replay: (face, { rest, body }) => replayRequest(face, rest, body),
  clear: async (face) => {
    await face.ask({ ask: 'clear' });
    return { ok: true };
  },
  peers: (face, { body }) => {
    const { upstream, peer, action } = words(body, 'upstream', 'peer', 'action');
    return face.setPeer(upstream, peer, readPeerWish(action, body));
  },
  faults: (face, { body }) => face.setFault(readFaultWish(body)),
  programs: (face, { body }) => programCall(face, body),
  reload: (face) => face.reload(),
};

export interface Answering {
  readonly face: CockpitFace;
  readonly streams: LiveStreams;
}

export async function answerCall(
  { face, streams }: Answering,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = 'GET', url = '/' } = request;
  if (!URL.canParse(url, 'http://localhost')) return send(response, 400, { problem: 'this is no path' });
  const { pathname, searchParams: query } = new URL(url, 'http://localhost');
  if (pathname === '/metrics') return sendMetrics(face, request, response);
  const [, name = '', rest = ''] = /^\/api\/([a-z]+)(?:\/(.*))?$/s.exec(pathname) ?? [];
  const table = method === 'POST' ? CHANGES : READS;
  const call = Object.hasOwn(table, name) ? table[name] : undefined;
  try {
    if (method === 'GET' && pathname === '/api/stream') return streams.open(query, response);
    if (call === undefined) throw new CallError(404, `there is no ${method} ${pathname}`);
    if (method !== 'GET' && method !== 'POST') throw new CallError(405, 'use GET or POST');
    const body = method === 'POST' ? await readBody(request) : {};
    send(response, 200, await call(face, { rest: decodeURIComponent(rest), query, body }));
    if (method === 'POST') streams.soon();
  } catch (error) {
    if (error instanceof CallError) return send(response, error.status, { problem: error.message });
    if (error instanceof URIError) return send(response, 400, { problem: 'the path cannot be decoded' });
    throw error;
  }
}

function send(response: ServerResponse, status: number, value: unknown): void {
  response.statusCode = status;
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.end(JSON.stringify(value));
}

async function sendMetrics(
  face: CockpitFace,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const isOpen = /application\/openmetrics-text/.test(request.headers.accept ?? '');
  const type = isOpen ? 'application/openmetrics-text; version=1.0.0' : 'text/plain; version=0.0.4';
  response.setHeader('Content-Type', `${type}; charset=utf-8`);
  response.end(await face.metrics(isOpen));
}

function askedRequests(face: CockpitFace, query: URLSearchParams): Promise<RequestList> {
  return listRequests(face, {
    filter: query.get('filter') ?? '',
    after: readVersions(query.get('after') ?? ''),
    limit: Math.min(MAX_LIST, Math.max(1, Math.floor(Number(query.get('limit') ?? 200) || 200))),
  });
}

async function askOne(face: CockpitFace, id: string, make: (id: number) => Question): Promise<Answer> {
  const [, acceptor, number] = REQUEST_ID.exec(id) ?? [];
  if (acceptor === undefined) throw new CallError(400, `"${id}" is no request: ids are like 1-205`);
  const answer = (await face.ask(make(Number(number)), Number(acceptor))).get(Number(acceptor));
  if (answer === undefined) throw new CallError(404, 'the process that had it is gone, or did not answer');
  if ('problem' in answer) throw new CallError(404, answer.problem);
  return answer;
}

async function showRequest(face: CockpitFace, id: string, query: URLSearchParams): Promise<Detail> {
  const unmasked = query.get('unmasked') === '1';
  const answer = await askOne(face, id, (number) => ({ ask: 'show', id: number, unmasked }));
  if (!('detail' in answer)) throw new CallError(502, 'the acceptor gave another answer');
  return answer.detail;
}

async function replayRequest(
  face: CockpitFace,
  id: string,
  given: Fields,
): Promise<{ readonly replayed: readonly Replayed[] }> {
  const { to = '', head = '', body = null, times = 1 } = given;
  if (typeof to !== 'string' || typeof head !== 'string' || !(body === null || typeof body === 'string'))
    throw new CallError(400, 'to, head and body are texts (body as base64)');
  if (typeof times !== 'number' || !Number.isInteger(times) || times < 1 || times > 1000)
    throw new CallError(400, 'times is a number from 1 to 1000');
  const answer = await askOne(face, id, (number) => ({ ask: 'replay', id: number, to, head, body, times }));
  if (!('replayed' in answer)) throw new CallError(502, 'the acceptor gave another answer');
  return answer;
}

function readPeerWish(action: string, { weight }: Fields): PeerWish {
  if (action === 'up' || action === 'down' || action === 'drain') return { action };
  if (action !== 'weight') throw new CallError(400, `"${action}" is none of up, down, drain, weight`);
  if (typeof weight !== 'number' || !Number.isInteger(weight) || weight < 1 || weight > 65_535)
    throw new CallError(400, 'weight is a number from 1 to 65535');
  return { action, weight };
}
