// Rows of allow and deny: who may come by his address (ngx_http_access_module).
import { isIPv4, isIPv6 } from 'node:net';
import { type Context, list, type ReadContext, type Row } from '../../config/row.ts';
import type { Word } from '../../config/tree.ts';
import { parseCount } from '../../config/units.ts';

export interface AccessRule {
  readonly deny: boolean;
  /** 'all', 'unix:', or the address of a network as text. */
  readonly who: string;
  /** How many of its bits count. */
  readonly bits: number;
}

declare module '../../config/model.ts' {
  interface Settings {
    readonly accessRules: readonly AccessRule[];
  }
}

export const accessDefaults = { accessRules: [] } as const;

const PLACES: readonly Context[] = ['http', 'server', 'location', 'limit_except'];

const SYNTAX = { args: [1, 1], syntax: 'address | CIDR | unix: | all' } as const;

export const accessRows: readonly Row[] = [
  list('accessRules', {
    name: 'allow',
    contexts: PLACES,
    ...SYNTAX,
    doc: 'Lets these clients in. The first allow or deny that fits holds; a level that has any inherits none.',
    read: (words, cx) => readRule(words[0], false, cx),
  }),
  list('accessRules', {
    name: 'deny',
    contexts: PLACES,
    ...SYNTAX,
    doc: 'Answers these clients 403. The first allow or deny that fits holds; a level that has any inherits none.',
    read: (words, cx) => readRule(words[0], true, cx),
  }),
];

function readRule({ text, at }: Word, deny: boolean, cx: ReadContext): AccessRule | undefined {
  if (text === 'all' || text === 'unix:') return { deny, who: text, bits: 0 };
  const [, address, suffix] = /^([^/]*)(?:\/(.*))?$/s.exec(text) ?? ['', ''];
  const most = isIPv4(address) ? 32 : isIPv6(address) && !address.includes('%') ? 128 : 0;
  const bits = suffix === undefined ? most : parseCount(suffix, 0, most);
  if (most > 0 && bits !== undefined) return { deny, who: address, bits };
  const name = cx.directive.name;
  return cx.problems.error(
    at,
    `"${name}": invalid parameter "${text}"; write an address, a network such as 10.0.0.0/8, unix: or all`,
  );
}
