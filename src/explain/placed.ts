// The events of a trail with the places of the directives behind them, where the road knows the level alone.

import type { Settings } from '../config/model.ts';
import { formatPosition } from '../config/problem.ts';
import { placeOfFilter } from './applied.ts';
import type { SetAt } from './set-at.ts';
import type { TrailEvent } from './trail.ts';

const KEYS: Readonly<Record<string, keyof Settings>> = {
  realip: 'setRealIpFrom',
  limit_req: 'limitReq',
  limit_conn: 'limitConn',
  access: 'accessRules',
  auth_basic: 'authBasic',
  auth_request: 'authRequest',
  try_files: 'tryFiles',
  mirror: 'mirror',
  files: 'fileRoot',
  cache: 'proxyCache',
  index: 'index',
  autoindex: 'autoindex',
};

export function withPlaces(trail: readonly TrailEvent[], setAt: SetAt): TrailEvent[] {
  let status = 0;
  return trail.map((event) => {
    if (event.kind === 'status') status = event.status;
    const name = nameOf(event);
    if (event.kind === 'filter')
      return { ...event, at: placeOfFilter(setAt, event.at, event.filter) || event.at };
    if (name === '') return event;
    if (name === 'error_page') return { ...event, at: errorPageAt(setAt, event.at, status) || event.at };
    const key = KEYS[name];
    const at = (key === undefined ? '' : setAt.place(event.at, key)) || event.at;
    if (event.kind !== 'step' || event.step !== 'access') return { ...event, at };
    const rules = setAt
      .all(event.at, 'accessRules')
      .map(({ name: word, args }) => `${word} ${args[0]?.text ?? ''}`);
    return { ...event, at, details: [...event.details, ...rules] };
  });
}

function nameOf(event: TrailEvent): string {
  switch (event.kind) {
    case 'step':
      return event.step;
    case 'content':
      return event.content;
    case 'turn':
      return event.by;
    default:
      return '';
  }
}

/** The first one of a status holds. */
function errorPageAt(setAt: SetAt, level: string, status: number): string {
  const found = setAt
    .all(level, 'errorPages')
    .find(({ args }) => args.some(({ text }) => text === String(status)));
  return found === undefined ? '' : formatPosition(found.at);
}
