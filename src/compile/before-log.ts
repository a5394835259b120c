// What is told of exchanges besides their access log: those who count, and those who trace, hear of subrequests, too.
import type { Exchange, LocationRuntime } from '../exchange/exchange.ts';

type Logging = Pick<LocationRuntime, 'log' | 'logsSubrequests'>;
type AtEnd = (x: Exchange) => void;

/** The log of a level, with others called before it; itself where there are none. */
export function beforeLog(own: Logging, others: readonly (AtEnd | null | undefined)[]): Logging {
  const { log, logsSubrequests } = own;
  const [first, ...more] = others.filter((each) => each !== null && each !== undefined);
  if (first === undefined) return own;
  const tell = more.reduce(both, first);
  return {
    logsSubrequests: true,
    log: (x) => {
      tell(x);
      if (log !== null && (logsSubrequests || !x.isSub)) log(x);
    },
  };
}

function both(one: AtEnd, other: AtEnd): AtEnd {
  return (x) => {
    one(x);
    other(x);
  };
}
