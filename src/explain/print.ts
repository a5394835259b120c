// An explanation as text: one line a decision, what decided it, and at the right where that is written.
import { isAbsolute, relative } from 'node:path';
import { styleText } from 'node:util';
import { reasonOf } from '../http/status.ts';
import { escapeControls } from '../observe/pretty-line.ts';
import { fitStart, textWidth } from '../observe/text-width.ts';
import type { ExplainedForward, ExplainedPeer, Explanation } from './explanation.ts';
import { rowsOfEvent } from './print-events.ts';
import type { Row, Tone } from './row.ts';
import type { TrailEvent } from './trail.ts';

export interface PrintOptions {
  /** Columns of the text. */
  readonly width: number;
  readonly colours: boolean;
  /** Places are shown relative to it. */
  readonly directory: string;
}

const LABEL_WIDTH = 13;

const STYLES: Readonly<Record<Tone, Parameters<typeof styleText>[0]>> = {
  title: 'bold',
  good: 'green',
  bad: 'red',
  hint: 'yellow',
  quiet: 'gray',
  plain: 'reset',
};

export function printExplanation(told: Explanation, options: PrintOptions): string {
  const rows = [...rowsOf(told), ...endingRows(told), ...appliedRows(told), ...hintRows(told)];
  return `${rows.map((row) => printRow(row, options)).join('\n')}\n`;
}

export function printRows(rows: readonly Row[], options: PrintOptions): string {
  return `${rows.map((row) => printRow(row, options)).join('\n')}\n`;
}

function rowsOf({ request, address, server, trail }: Explanation): Row[] {
  const body = request.bodyBytes > 0 ? `, ${request.bodyBytes} bytes of body` : '';
  const real =
    request.realAddress === request.from ? '' : `, taken for ${request.realAddress} (real_ip_header)`;
  return [
    { label: '', text: `${request.method} ${request.target}`, tone: 'title' },
    {
      label: '',
      text: `Host ${request.host || '(none)'}, from ${request.from}${real}${body}`,
      tone: 'quiet',
    },
    BLANK,
    {
      label: 'address',
      text: `${address.address}${address.tls ? ' (TLS)' : ''}: ${address.why}`,
      at: address.at,
    },
    { label: 'server', text: `${server.name || '(no name)'}: ${server.why}`, at: server.at },
    ...server.others.map(
      ({ name, why, at }): Row => ({ label: '', text: `not ${name}: ${why}`, at, tone: 'quiet' }),
    ),
    ...trail.filter(isNews).flatMap(rowsOfEvent),
  ];
}

/** Contents that hand on to the next without a look are none, and what the error log hears is told with its status. */
function isNews(event: TrailEvent, i: number, trail: readonly TrailEvent[]): boolean {
  const next = trail[i + 1];
  if (event.kind === 'note') return next?.kind !== 'status' || next.why !== event.text;
  if (event.kind !== 'content' || event.content === 'files') return true;
  return next?.kind !== 'content' || (event.content === 'index' && event.file?.found === 'directory');
}

const BLANK: Row = { label: '', text: '' };

function endingRows({ ending }: Explanation): Row[] {
  switch (ending.kind) {
    case 'answer': {
      const { status, fields, length, body } = ending.answer;
      const lines = body === '' ? [] : body.trimEnd().split(/\r?\n/).slice(0, 4);
      const size = length < 0 ? '' : `, ${length} bytes`;
      return [
        BLANK,
        {
          label: 'answer',
          text: `${status} ${reasonOf(status)}${size}`,
          tone: status < 400 ? 'good' : 'bad',
        },
        ...fields.map((text): Row => ({ label: '', text })),
        ...lines.map((text): Row => ({ label: '', text: `  ${text}`, tone: 'quiet' })),
      ];
    }
    case 'forward':
      return forwardRows(ending.forward);
    default:
      return [BLANK, { label: 'answer', text: ending.why, tone: 'bad' }];
  }
}

function forwardRows(told: ExplainedForward): Row[] {
  const { order, out, sent, method, key, cache } = told;
  const by = order.length + out.length > 1 ? `, ${method}${key === '' ? '' : ` by "${key}"`}` : '';
  const how = `${told.tls ? ' over TLS' : ''}${told.websocket ? ', asking for a WebSocket' : ''}`;
  return [
    BLANK,
    { label: 'peers', text: `${told.group}${by}${how}: from a fresh state, in this order`, at: told.groupAt },
    ...order.map((peer, i) => peerRow(`${i + 1}. `, peer)),
    ...(order.length > 1 ? [{ label: '', text: told.retries, tone: 'quiet' as const }] : []),
    ...out.map((peer) => ({ ...peerRow('-  ', peer), tone: 'bad' as const })),
    ...(cache === null
      ? []
      : [
          {
            label: 'cache',
            text: `${cache.status} in zone ${cache.zone}, key ${cache.key}`,
            at: cache.at,
          },
        ]),
    BLANK,
    ...(sent.first === '' ? [] : [{ label: 'sends', text: sent.first, tone: 'title' as const }]),
    ...sent.fields.map(
      ({ line, from }, i): Row => ({
        label: sent.first === '' && i === 0 ? 'sends' : '',
        text: line,
        at: from,
      }),
    ),
    { label: 'body', text: told.body },
    ...sent.dropped.map(
      ({ name, value, why, at }, i): Row => ({
        label: i === 0 ? 'drops' : '',
        text: `${name}: ${value}   ${why}`,
        at,
        tone: 'quiet',
      }),
    ),
  ];
}

function peerRow(sign: string, { peer, notes, at }: ExplainedPeer): Row {
  return { label: '', text: `${sign}${peer}${notes.length === 0 ? '' : `  ${notes.join(' ')}`}`, at };
}

function appliedRows({ applied, filters, ending }: Explanation): Row[] {
  const width = Math.max(...applied.map(({ name }) => name.length)) + 2;
  const holds = applied.map(
    ({ name, value, at }, i): Row => ({
      label: i === 0 ? 'holds' : '',
      text: `${name.padEnd(width)}${value}`,
      at,
      ...(at === 'default' ? { tone: 'quiet' as const } : {}),
    }),
  );
  const joins = filters.map(({ filter, settings }, i): Row => {
    const set = settings.filter(({ at }) => at !== 'default');
    const text = set.map(({ name, value }) => `${name} ${value}`).join('; ');
    return { label: i === 0 ? 'filters' : '', text: `${filter}: ${text}`, at: set[0]?.at ?? '' };
  });
  return [BLANK, ...holds, ...(ending.kind === 'forward' && joins.length > 0 ? [BLANK, ...joins] : [])];
}

function hintRows({ hints }: Explanation): Row[] {
  if (hints.length === 0) return [];
  return [BLANK, ...hints.map((text, i): Row => ({ label: i === 0 ? 'hint' : '', text, tone: 'hint' }))];
}

function printRow({ label, text, at = '', tone = 'plain' }: Row, options: PrintOptions): string {
  const style = (name: Tone, part: string): string =>
    options.colours && part !== '' && name !== 'plain'
      ? styleText(STYLES[name], part, { validateStream: false })
      : part;
  const room = options.width - LABEL_WIDTH;
  const place = shortPlace(at, options.directory);
  const lines = wrapped(escapeControls(text), room, textWidth(place));
  const head = label.padEnd(LABEL_WIDTH);
  return lines
    .map((line, i) => {
      const start = i === 0 && label !== '' ? style('title', head) : ''.padEnd(LABEL_WIDTH);
      if (i < lines.length - 1 || place === '') return `${start}${style(tone, line)}`.trimEnd();
      const gap = ' '.repeat(Math.max(2, room - textWidth(line) - textWidth(place)));
      return `${start}${style(tone, line)}${gap}${style('quiet', place)}`;
    })
    .join('\n');
}

/** Cut at blanks; the last line leaves room for what stands at its right. */
function wrapped(text: string, room: number, right: number): string[] {
  const lines: string[] = [];
  let rest = text;
  for (
    let width = textWidth(rest);
    width > room || (right > 0 && width + 2 + right > room);
    width = textWidth(rest)
  ) {
    const most = width > room ? room : room - right - 2;
    if (most < MIN_ROOM) break;
    const cut = rest.lastIndexOf(' ', fitStart(rest, most).length);
    if (textWidth(rest.slice(0, cut + 1)) <= most / 3) {
      // A long word: on a line of its own, with the place below it.
      const line = fitStart(rest, room);
      lines.push(line);
      rest = rest.slice(line.length);
    } else {
      lines.push(rest.slice(0, cut));
      rest = `  ${rest.slice(cut + 1)}`;
    }
    if (rest.trim() === '') break;
  }
  return [...lines, rest];
}

const MIN_ROOM = 20;

/** `file:line:column` from here, where that is shorter. */
function shortPlace(at: string, directory: string): string {
  if (!isAbsolute(at)) return at;
  const short = relative(directory, at);
  return short.startsWith('..') || short === '' ? at : short;
}
