// [eventlistener:x]: the events that it gets.

import { didYouMean } from '../../config/problem.ts';
import type { ListenerPlan } from '../plan.ts';
import type { Names, SectionReader } from './context.ts';
import { toInteger, toList, toPythonName } from './datatypes.ts';
import { placeOfPiece } from './document.ts';

const KINDS: Readonly<Record<string, readonly string[]>> = {
  PROCESS_STATE: ['STARTING', 'RUNNING', 'BACKOFF', 'STOPPING', 'EXITED', 'STOPPED', 'FATAL', 'UNKNOWN'],
  PROCESS_COMMUNICATION: ['STDOUT', 'STDERR'],
  PROCESS_LOG: ['STDOUT', 'STDERR'],
  PROCESS_GROUP: ['ADDED', 'REMOVED'],
  SUPERVISOR_STATE_CHANGE: ['RUNNING', 'STOPPING'],
  TICK: ['5', '60', '3600'],
};
const NAMES: readonly string[] = [
  'EVENT',
  'REMOTE_COMMUNICATION',
  ...Object.entries(KINDS).flatMap(([kind, subs]) => [kind, ...subs.map((sub) => `${kind}_${sub}`)]),
];

const DEFAULT_BUFFER_SIZE = 10;

export function readListener(reader: SectionReader, names: Names): ListenerPlan {
  const bufferSize = reader.value('buffer_size', toInteger, names) ?? DEFAULT_BUFFER_SIZE;
  if (bufferSize < 1) reader.fail('buffer_size', `${bufferSize} is too small: write 1 or more`);
  checkHandler(reader, names);
  const events = toList(reader.text('events', names) ?? '').map((name) => name.toUpperCase());
  const entry = reader.entry('events');
  if (entry === undefined || events.length === 0) {
    reader.cx.report.error(
      entry?.at ?? reader.section.at,
      `[${reader.section.name}] has no events: write events=PROCESS_STATE, or others`,
    );
  }
  for (const event of events) {
    if (NAMES.includes(event) || entry === undefined) continue;
    const near = didYouMean(event, NAMES);
    const hint = near === undefined ? `known are ${NAMES.join(', ')}` : `did you mean ${near}?`;
    reader.cx.report.error(
      placeOfPiece(entry, event),
      `events of [${reader.section.name}]: there is no event "${event}"; ${hint}`,
    );
  }
  return { events: [...new Set(events)], bufferSize };
}

function checkHandler(reader: SectionReader, names: Names): void {
  const handler = reader.value('result_handler', toPythonName, names);
  if (handler === undefined || handler === 'supervisor.dispatchers:default_handler') return;
  reader.warn(
    'result_handler',
    'it is a function in Python and is not called here: OK is a success, any other RESULT is a failure and the event is sent again',
  );
}
