// Every directive that takes a time, from the registry: where it stands, and how it is written with a given one. A row that is new is
// among them by itself; one whose time stands among other words has to be told here how, and it is an error not to.
import { ROWS } from '../../src/config/registry.ts';
import type { Context, SettingRow } from '../../src/config/row.ts';

export interface TimeRow {
  readonly row: SettingRow;
  readonly context: Context;
  /** The directive with this time. */
  write(time: string): string;
}

/** No two have the same name. */
let caches = 0;

/** What stands around the time where it is not alone, by name and syntax. */
const AROUND: Readonly<Record<string, (time: string) => string>> = {
  'off | max=n [inactive=time] [valid=time]': (time) => `max=9 inactive=${time} valid=${time}`,
  'time | off': (time) => time,
  'restart [time] | keep': (time) => `restart ${time}`,
  'address [weight=n] [max_fails=n] [fail_timeout=time] [max_conns=n] [backup] [down] [resolve]': (time) =>
    `127.0.0.1:PORT2 fail_timeout=${time}`,
  'time | max | off': (time) => time,
  'time [header-time]': (time) => `${time} ${time}`,
  'address[:port] … [valid=time] [ipv4=on|off] [ipv6=on|off] [status_zone=zone]': (time) =>
    `127.0.0.1 valid=${time}`,
  '[status … | any] time': (time) => `404 ${time}`,
  'path keys_zone=name:size [levels=levels] [inactive=time] [max_size=size] [min_free=size] [use_temp_path=on|off]':
    (time) => `DIR/cache keys_zone=cache${++caches}:1m inactive=${time}`,
  '[modified] time | @time-of-day | epoch | max | off': (time) => time,
  'max=n [inactive=time] [min_uses=n] [valid=time] | off': (time) => `max=10 inactive=${time}`,
  'path [format [buffer=size [flush=time]] [gzip[=level]] [if=condition]] | off': (time) =>
    `DIR/access.log combined buffer=64k flush=${time}`,
};

/** What says `time` and takes none, or, as fault_delay, an hour at most. */
const OTHERS: ReadonlySet<string> = new Set(['proxy_next_upstream', 'fault_delay']);

const isTime = ({ syntax, name }: SettingRow): boolean =>
  /(?<![-\w])time(?![-\w])/.test(syntax) && !OTHERS.has(name);

export const TIME_ROWS: readonly TimeRow[] = ROWS.filter((row) => row.kind === 'setting')
  .filter(isTime)
  .map((row) => {
    const around = row.syntax === 'time' ? (time: string): string => time : AROUND[row.syntax];
    if (around === undefined) throw new Error(`test/support/time-rows.ts: how is "${row.name}" written?`);
    return { row, context: row.contexts[0], write: (time) => `${row.name} ${around(time)};` };
  });

/** All of them in a context, with this time. */
export function timesIn(context: Context, time: string): string {
  return TIME_ROWS.filter((each) => each.context === context)
    .map((each) => each.write(time))
    .join('\n');
}
