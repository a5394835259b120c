// Who hears of an exchange's end besides its log: nobody where nothing is counted or traced, and the log is the one that it was.
import { describe, expect, it } from 'vitest';
import { beforeLog } from '../../src/compile/before-log.ts';
import { stubExchange } from '../support/stub-exchange.ts';

describe('beforeLog', () => {
  it('changes nothing where nobody else wants to hear', () => {
    const own = { log: null, logsSubrequests: false };
    expect(beforeLog(own, [])).toBe(own);
    expect(beforeLog(own, [null, undefined])).toBe(own);
  });

  it('tells all of them in their order, and the log of subrequests only where that is wanted', () => {
    const told: string[] = [];
    const tell = (name: string) => (): void => void told.push(name);
    const x = stubExchange();
    const sub = stubExchange();
    sub.main = x;
    const quiet = beforeLog({ log: tell('log'), logsSubrequests: false }, [
      tell('a'),
      null,
      tell('b'),
      tell('c'),
    ]);
    expect(quiet.logsSubrequests).toBe(true);
    quiet.log?.(x);
    quiet.log?.(sub);
    expect(told.splice(0)).toEqual(['a', 'b', 'c', 'log', 'a', 'b', 'c']);
    beforeLog({ log: tell('log'), logsSubrequests: true }, [tell('a')]).log?.(sub);
    beforeLog({ log: null, logsSubrequests: false }, [tell('only')]).log?.(x);
    expect(told).toEqual(['a', 'log', 'only']);
  });
});
