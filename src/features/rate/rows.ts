// Rows of limit_rate: how fast a client gets its answer (ngx_http_core_module).
import { HTTP_AND_IF, type ReadContext, type Row, setting } from '../../config/row.ts';
import type { Word } from '../../config/tree.ts';
import { parseSize, sizeMeant } from '../../config/units.ts';

declare module '../../config/model.ts' {
  interface Settings {
    /** Bytes a second. Template; '' = no limit. */
    readonly limitRate: string;
    /** Bytes that go before it counts. Template. */
    readonly limitRateAfter: string;
  }
}

export const rateDefaults = { limitRate: '', limitRateAfter: '' } as const;

export const rateRows: readonly Row[] = [
  setting('limitRate', {
    name: 'limit_rate',
    contexts: HTTP_AND_IF,
    args: [1, 1],
    syntax: 'rate',
    default: '0',
    doc: 'Bytes a second that a client gets of an answer; 0 is no limit. May hold variables; $limit_rate and X-Accel-Limit-Rate of a peer take its place.',
    read: readSize,
  }),
  setting('limitRateAfter', {
    name: 'limit_rate_after',
    contexts: HTTP_AND_IF,
    args: [1, 1],
    syntax: 'size',
    default: '0',
    doc: 'So many bytes of an answer go before limit_rate counts. May hold variables.',
    read: readSize,
  }),
];

function readSize([word]: readonly Word[], cx: ReadContext): string | undefined {
  if (word.text.includes('$')) return cx.template(word);
  if (parseSize(word.text) !== undefined) return word.text;
  const meant = sizeMeant(word.text);
  const advice = meant === undefined ? '' : `; write ${meant}`;
  const { name } = cx.directive;
  return cx.problems.error(word.at, `"${name}": "${word.text}" is not a size such as 8k, 1m or 512${advice}`);
}
