// One request as a line for people, the built-in format `lines` of access_log:
// `13:23:02 GET     /api/users?page=2            200     12 ms  :3001`, and behind a failure its cause and how many attempts it took.
import { styleText } from 'node:util';
import type { Exchange } from '../exchange/exchange.ts';
import { toText } from '../route/template.ts';
import { systemClock } from '../shared/clock.ts';
import { escapeControls } from './pretty-line.ts';
import { cutEnd, cutMiddle, padEnd } from './text-width.ts';

/** What a line tells. */
export interface RequestFacts {
  readonly time: Date;
  readonly method: string;
  /** As it came, bytes as latin1. */
  readonly target: string;
  readonly status: number;
  readonly ms: number;
  /** The last one that was tried; '' without. */
  readonly peer: string;
  readonly attempts: number;
  /** Why it failed, or its first attempt did; '' without. */
  readonly cause: string;
}

/** How lines look: a pipe or a file has no width, and no colours. */
export interface LineLook {
  readonly columns: number | null;
  readonly colours: boolean;
}

export function factsOf(x: Exchange): RequestFacts {
  const { attempts, failure } = x;
  const last = attempts.at(-1);
  const first = attempts[0]?.outcome ?? 'ok';
  const wasLost = attempts.length > 1 && first !== 'ok' && first !== 'pending';
  return {
    time: new Date(),
    method: x.request.method,
    target: x.request.target,
    status: x.errorStatus === 0 ? x.status : x.errorStatus,
    ms: Math.max(0, systemClock.now() - x.startedAt),
    peer: last?.peer ?? (x.cached === null || x.cached.status === '' ? '' : `cache ${x.cached.status}`),
    attempts: attempts.length,
    cause: failure ?? (wasLost ? first : ''),
  };
}

const METHOD_WIDTH = 7;
const TIME_WIDTH = 8;
const MS_WIDTH = 8;
/** Time, method, status and duration, with the blanks between them. */
const FIXED_WIDTH = TIME_WIDTH + 1 + METHOD_WIDTH + 1 + 1 + 3 + 1 + MS_WIDTH + 2;
/** What stands behind them, a peer or a cause, has this share of the rest. */
const TAIL_SHARE = 0.4;
const LEAST_PATH = 12;
/** Where nothing is cut. */
const USUAL_PATH = 40;
const MOST_PATH = 100;

/** No line end. */
export function requestLine(facts: RequestFacts, { columns, colours }: LineLook): string {
  const style = (format: Style, text: string): string =>
    colours && text !== '' ? styleText(format, text, { validateStream: false }) : text;
  const wanted = columns === null ? USUAL_PATH : Math.floor((columns - FIXED_WIDTH) * (1 - TAIL_SHARE));
  const pathWidth = Math.min(MOST_PATH, Math.max(LEAST_PATH, wanted));
  const path = readable(facts.target);
  const shown = columns === null ? path : cutMiddle(path, pathWidth);
  const method =
    columns === null ? escapeControls(facts.method) : cutEnd(escapeControls(facts.method), METHOD_WIDTH);
  const room = columns === null ? Number.POSITIVE_INFINITY : columns - FIXED_WIDTH - pathWidth;
  return [
    style('gray', facts.time.toTimeString().slice(0, TIME_WIDTH)),
    method.padEnd(METHOD_WIDTH),
    padEnd(shown, pathWidth),
    style(styleOf(facts.status), String(facts.status).padStart(3, '0')),
    style(facts.ms >= SLOW_MS ? 'yellow' : 'gray', durationText(facts.ms).padStart(MS_WIDTH)),
    tail(facts, room, style),
  ]
    .join(' ')
    .trimEnd();
}

type Style = Parameters<typeof styleText>[0];

const SLOW_MS = 1000;

const STYLES: readonly Style[] = ['gray', 'gray', 'green', 'cyan', 'yellow', 'red'];

const styleOf = (status: number): Style => STYLES[Math.floor(status / 100)] ?? 'gray';

/** The cause is what one looks for: the peer is cut first. */
function tail(
  { peer, attempts, cause }: RequestFacts,
  room: number,
  style: (f: Style, t: string) => string,
): string {
  const why = [attempts > 1 ? `×${attempts}` : '', escapeControls(cause)]
    .filter((text) => text !== '')
    .join(' ');
  const shownWhy = cutEnd(why, room - 1);
  const left = room - 1 - (shownWhy === '' ? 0 : shownWhy.length + 1);
  const shownPeer = left < 4 ? '' : cutMiddle(shortPeer(escapeControls(peer)), left);
  return ` ${[shownPeer, style('red', shownWhy)].filter((text) => text !== '').join(' ')}`;
}

/** Of this machine the port says it all. */
const shortPeer = (peer: string): string => peer.replace(/^(?:127\.0\.0\.1|\[::1\]|localhost)(?=:\d+$)/, '');

/** Letters beyond ASCII that a browser has encoded, as it shows them itself; all else as it came. */
function readable(target: string): string {
  const text = toText(target).replace(/(?:%[89a-f][0-9a-f])+/gi, (encoded) => {
    try {
      return decodeURIComponent(encoded);
    } catch {
      return encoded;
    }
  });
  return escapeControls(text);
}

export function durationText(ms: number): string {
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 9999.5) return `${ms.toFixed(0)} ms`;
  return ms < 99_950 ? `${(ms / 1000).toFixed(1)} s` : `${(ms / 1000).toFixed(0)} s`;
}
