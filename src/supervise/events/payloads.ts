// What an event says, to the byte as Supervisor writes it. Pure.
import type { ProcessState } from '../state.ts';
import type { EventType } from './event-types.ts';

/** A process went from one state to another. */
export interface ProcessStateChange {
  readonly group: string;
  readonly name: string;
  readonly from: ProcessState | 'UNKNOWN';
  readonly to: ProcessState | 'UNKNOWN';
  /** Of the process as it was before the change took it away; 0 where there is none. */
  readonly pid: number;
  /** Failed starts in a row: the one that led to BACKOFF included, 0 for a first STARTING. */
  readonly tries: number;
  /** Of an end: its status is among exitcodes. */
  readonly expected: boolean;
}

/** Whose output it is. */
export interface EventSource {
  readonly group: string;
  readonly name: string;
  readonly pid: number;
}

export function processStateType(change: ProcessStateChange): EventType {
  return `PROCESS_STATE_${change.to}`;
}

export function processStatePayload(change: ProcessStateChange): string {
  const head = `processname:${change.name} groupname:${change.group} from_state:${change.from}`;
  switch (change.to) {
    case 'STARTING':
    case 'BACKOFF':
      return `${head} tries:${change.tries}`;
    case 'EXITED':
      return `${head} expected:${change.expected ? 1 : 0} pid:${change.pid}`;
    case 'RUNNING':
    case 'STOPPING':
    case 'STOPPED':
      return `${head} pid:${change.pid}`;
    case 'FATAL':
    case 'UNKNOWN':
      return head;
  }
}

/** Output between <!--XSUPERVISOR:BEGIN--> and END. */
export function communicationPayload(from: EventSource, data: string | Buffer): string {
  return `processname:${from.name} groupname:${from.group} pid:${from.pid}\n${textOf(data)}`;
}

export function logPayload(from: EventSource, channel: 'stdout' | 'stderr', data: string | Buffer): string {
  return `processname:${from.name} groupname:${from.group} pid:${from.pid} channel:${channel}\n${textOf(data)}`;
}

/** Text that was sent through the control interface. */
export function remotePayload(type: string, data: string): string {
  return `type:${type}\n${data}`;
}

/** The second at which the slice of time began, since the epoch. */
export function tickPayload(whenS: number): string {
  return `when:${whenS}`;
}

export function groupPayload(name: string): string {
  return `groupname:${name}\n`;
}

const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A piece of output can end within a character; Supervisor then shows the bytes as Python would. */
function textOf(data: string | Buffer): string {
  if (typeof data === 'string') return data;
  try {
    return STRICT.decode(data);
  } catch {
    return `Undecodable: ${pythonRepr(data)}`;
  }
}

const ESCAPES: Readonly<Record<number, string>> = { 9: '\\t', 10: '\\n', 13: '\\r', 92: '\\\\' };

/** `repr` of Python's bytes. */
function pythonRepr(data: Buffer): string {
  const quote = data.includes("'") && !data.includes('"') ? '"' : "'";
  const parts = [`b${quote}`];
  for (const byte of data) {
    const c = String.fromCharCode(byte);
    if (ESCAPES[byte] !== undefined) parts.push(ESCAPES[byte]);
    else if (c === quote) parts.push(`\\${c}`);
    else if (byte < 32 || byte > 126) parts.push(`\\x${byte.toString(16).padStart(2, '0')}`);
    else parts.push(c);
  }
  parts.push(quote);
  return parts.join('');
}
