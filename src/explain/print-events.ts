// Each event of a trail as lines of text.
import type { Row } from './row.ts';
import type { Captures, LocationEvent, RewriteEvent, SeenPath, TrailEvent } from './trail.ts';

/** Of a subrequest they stand further in. */
export function rowsOfEvent(event: TrailEvent): Row[] {
  const make = ROWS[event.kind] as (event: TrailEvent) => Row[];
  const rows = make(event);
  return event.depth === 0 ? rows : rows.map((row) => ({ ...row, label: `  ${row.label}`, tone: 'quiet' }));
}

type Rows = { readonly [K in TrailEvent['kind']]: (event: Extract<TrailEvent, { kind: K }>) => Row[] };

const ROWS: Rows = {
  rewrite: (event) => [rewriteRow(event)],
  if: ({ at, test, value, holds, captures }) => {
    const what = test === value ? '' : `, the value is "${value}"`;
    const text = `(${test}) ${holds ? 'holds' : 'does not hold'}${what}${listed(captures)}`;
    return [{ label: 'if', text, at, tone: toneOf(holds) }];
  },
  set: ({ at, variable, value }) => [{ label: 'set', text: `${variable} = "${value}"`, at }],
  break: ({ at }) => [{ label: 'break', text: 'the script ends', at }],
  return: ({ at, status, text }) => [{ label: 'return', text: `${status} ${text}`.trim(), at, tone: 'good' }],
  location: (event) => locationRows(event),
  step: ({ at, step, outcome, details, paths }) => {
    const tone = outcome.startsWith('refuses') ? 'bad' : 'plain';
    const detail = details.length === 0 ? '' : ` (${details.join('; ')})`;
    return [{ label: step, text: `${outcome}${detail}`, at, tone }, ...paths.map(pathRow)];
  },
  status: ({ at, status, why }) => [
    { label: 'status', text: why === '' ? String(status) : `${status}: ${why}`, at, tone: 'bad' },
  ],
  turn: ({ at, to, by }) => [{ label: by === 'error_page' ? by : 'turns to', text: to, at }],
  content: ({ at, content, file }) => [
    { label: 'content', text: content, at },
    ...(file === null ? [] : [pathRow(file)]),
  ],
  filter: ({ at, filter, does }) => (does === '' ? [] : [{ label: 'filter', text: `${filter} ${does}`, at }]),
  note: ({ level, text }) => [{ label: 'error_log', text: `[${level}] ${text}`, tone: 'quiet' }],
  forward: ({ at, to }) => [{ label: 'forwards', text: to, at, tone: 'good' }],
};

function rewriteRow({ pattern, subject, matched, captures, uri, flag, at }: RewriteEvent): Row {
  const to = uri === '' ? '' : ` → ${uri}`;
  const text = `${pattern} ${matched ? 'matches' : 'does not match'} ${subject}${listed(captures)}${to}`;
  return { label: 'rewrite', text: flag === 'none' ? text : `${text} (${flag})`, at, tone: toneOf(matched) };
}

function locationRows({ location, uri, why, captures, lost, unmatched, at }: LocationEvent): Row[] {
  const name = location === '' ? '(none)' : bare(location);
  const others = `${unmatched} regular expression${unmatched > 1 ? 's do' : ' does'} not match`;
  return [
    { label: 'location', text: `${name} for ${uri}: ${why}${listed(captures)}`, at, tone: 'good' },
    ...lost.map(
      (one): Row => ({ label: '', text: `not ${bare(one.location)}: ${one.why}`, at: one.at, tone: 'quiet' }),
    ),
    ...(unmatched === 0 ? [] : [{ label: '', text: others, tone: 'quiet' as const }]),
  ];
}

const bare = (location: string): string => location.replace(/^location /, '');

const toneOf = (matched: boolean): Row['tone'] => (matched ? 'good' : 'quiet');

function listed(captures: Captures): string {
  const set = captures.flatMap((value, i) => (value === null ? [] : [`$${i + 1}="${value}"`]));
  return set.length === 0 ? '' : `, ${set.join(' ')}`;
}

function pathRow({ path, found }: SeenPath): Row {
  const what = found === 'nothing' ? 'not there' : found === 'other' ? 'no regular file' : `a ${found}`;
  return { label: '', text: `${path}   ${what}`, tone: found === 'nothing' ? 'quiet' : 'plain' };
}
