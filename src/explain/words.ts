// Words for what scripts test, steps say, and who turned a request elsewhere.
import type { WatchedLevel } from '../compile/watch.ts';
import type { Test } from '../config/model.ts';
import type { Step } from '../exchange/exchange.ts';
import { ALLOW, GO_ON, STOP } from '../exchange/slots.ts';
import type { TrailEvent } from './trail.ts';

/** Who turns, by what happened before. */
export function makerOf(last: TrailEvent | undefined): string {
  switch (last?.kind) {
    case 'step':
      return last.step;
    case 'content':
      return last.content;
    case 'status':
    case 'return':
    case 'rewrite':
      return 'error_page';
    default:
      return '';
  }
}

export function wordsOf(test: Test): string {
  const not = 'negate' in test && test.negate ? '!' : '';
  switch (test.test) {
    case 'set':
      return test.value;
    case 'equal':
      return `${test.value} ${not}= ${test.other || '""'}`;
    case 'match':
      return `${test.value} ${not}~${test.caseless ? '*' : ''} ${test.pattern}`;
    default:
      return `${not}${FLAGS[test.test]} ${test.value}`;
  }
}

const FLAGS = { file: '-f', directory: '-d', exists: '-e', executable: '-x' } as const;

export function sayResult(result: number): string {
  switch (result) {
    case GO_ON:
      return 'passes';
    case ALLOW:
      return 'allows';
    case STOP:
      return 'waits';
    default:
      return `refuses: ${result}`;
  }
}

export function detailsOf(step: Step, settings: WatchedLevel['settings']): string[] {
  switch (step.slot) {
    case 'limit_req':
      return settings.limitReq.map(
        ({ zone, burst, delay }) =>
          `zone ${zone}, burst ${burst}${delay === null ? ', nodelay' : ''}: as if nobody else had asked`,
      );
    case 'limit_conn':
      return settings.limitConn.map(
        ({ zone, connections }) => `zone ${zone}, ${connections} at once: as if nobody else were there`,
      );
    case 'faults':
      return [...settings.faultDelays, ...settings.faultAborts].some(({ share }) => share > 0)
        ? ['faults that are set here hit by chance: as if none did']
        : [];
    case 'auth_request':
      return [`subrequest to ${settings.authRequest}; what a peer would say counts as 200`];
    case 'mirror':
      return settings.mirror.map((uri) => `a copy to ${uri}`);
    case 'access':
      return [settings.satisfy === 'any' ? 'satisfy any' : ''].filter((text) => text !== '');
    default:
      return [];
  }
}
