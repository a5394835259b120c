// The lines of a `split_clients` block → SplitClientsModel, as ngx_http_split_clients reads them.
import type { ReadContext } from '../../config/row.ts';
import type { Directive } from '../../config/tree.ts';
import type { SplitClientsModel } from './rows.ts';

/** All clients, in hundredths of a percent. */
const ALL = 10_000;

export function readSplitClients(directive: Directive, cx: ReadContext): SplitClientsModel {
  const source = cx.template(directive.args[0]);
  const parts: { share: number; value: string }[] = [];
  let sum = 0;
  for (const { name, args, block, at } of directive.block ?? []) {
    if (args.length !== 1 || block !== undefined) {
      cx.problems.error(at, 'a line of "split_clients" is a share and its value: 0.5% "one"; or * "rest";');
      continue;
    }
    const share = name === '*' ? 0 : parseShare(name);
    if (share === undefined) {
      const advice = 'write 0.01% to 100%, two decimals at most, or * for the rest';
      cx.problems.error(at, `invalid percent value "${name}"; ${advice}`);
      continue;
    }
    // Behind `*` nobody is left.
    sum = share === 0 ? ALL : sum + share;
    if (sum > ALL) {
      cx.problems.error(
        at,
        'percent total is greater than 100%: make the shares smaller, and let "*" be the last',
      );
      break;
    }
    parts.push({ share, value: args[0].text });
  }
  return { source, parts };
}

/** `0.5%` → 50; undefined where it is none, or nothing. */
function parseShare(text: string): number | undefined {
  if (!/^(?=.*\d)\d*(?:\.\d{0,2})?%$/.test(text)) return undefined;
  const share = Math.round(Number(text.slice(0, -1)) * 100);
  return share === 0 ? undefined : share;
}
