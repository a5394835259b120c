// Time as the request path sees it: one coarse monotonic reading per tick, injected so that tests own it.
// A leaf: nothing here knows what is timed.
import { performance } from 'node:perf_hooks';

/** Milliseconds from an arbitrary origin, never going backwards. */
export interface Clock {
  /** Monotonic milliseconds, read from the system at each call. */
  now(): number;
}

/** What `systemClock` read last: of an answer that is on its way some microseconds ago. */
export let lastReadingMs = performance.now();

export const systemClock: Clock = {
  now: () => {
    lastReadingMs = performance.now();
    return lastReadingMs;
  },
};

/** From this process's monotonic clock to the machine's, which all processes share. */
const MACHINE_OFFSET_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** A reading of `systemClock` as whole milliseconds that mean the same in every process of the machine. */
export function toMachineMs(ms: number): number {
  return Math.round(ms + MACHINE_OFFSET_MS);
}

/** The same moment on this process's clock. */
export function fromMachineMs(machineMs: number): number {
  return machineMs - MACHINE_OFFSET_MS;
}

/** Now, in whole milliseconds of the machine; never before a reading of `systemClock` that was made already. */
export function machineNow(): number {
  return Math.ceil(performance.now() + MACHINE_OFFSET_MS);
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
export const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const two = (n: number): string => (n < 10 ? `0${n}` : `${n}`);

/** The last second that an IMF-fixdate can tell: its year has four digits. */
const LAST_DATE_MS = Date.UTC(9999, 11, 31, 23, 59, 59);

/** An IMF-fixdate (RFC 9110 §5.6.7) of a time in milliseconds since the epoch; as in nginx the nearest one where there is none. */
export function httpDate(epochMs: number): string {
  const d = new Date(Math.min(Math.max(epochMs, 0), LAST_DATE_MS));
  return (
    `${DAYS[d.getUTCDay()]}, ${two(d.getUTCDate())} ${MONTHS[d.getUTCMonth()]} ${d.getUTCFullYear()} ` +
    `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())} GMT`
  );
}

/** `13:23:02`, here. */
export function timeOfDay(d: Date): string {
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

/** `$time_local`: 21/Nov/2026:13:23:02 +0000. */
export function timeLocal(epochMs: number): string {
  const d = new Date(epochMs);
  return (
    `${two(d.getDate())}/${MONTHS[d.getMonth()]}/${d.getFullYear()}:` + `${timeOfDay(d)} ${offset(d, '')}`
  );
}

/** `$time_iso8601`: 2026-11-21T13:23:02+00:00. */
export function timeIso8601(epochMs: number): string {
  const d = new Date(epochMs);
  return (
    `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}T` + `${timeOfDay(d)}${offset(d, ':')}`
  );
}

function offset(d: Date, colon: string): string {
  const minutes = -d.getTimezoneOffset();
  const abs = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(abs / 60))}${colon}${two(abs % 60)}`;
}
