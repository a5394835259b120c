// A tree of JSON syntax as the nginx.conf that means the same: what `-T` prints. What only JSON has by default is written out.
import { withJsonHeaders } from '../forward/rows.ts';
import { rowsNamed } from './registry.ts';
import type { Directive } from './tree.ts';

/** The top level of a JSON file in the two levels of nginx, with the header fields that JSON sets of itself. */
export function asNginx(directives: readonly Directive[]): Directive[] {
  const isMain = ({ name }: Directive): boolean =>
    rowsNamed(name).some((row) => row.contexts.includes('main'));
  const at = directives[0]?.at ?? { file: '', line: 1, column: 1 };
  const http = { name: 'http', args: [], at, block: directives.filter((d) => !isMain(d)).map(withLogFormat) };
  const main = directives.filter(isMain);
  const wish = directives.findLast(({ name }) => name === 'forwarded_headers');
  if (wish?.args[0]?.text !== 'off') return [...main, withHeaders(http, true)];
  // It says what holds in nginx anyway.
  const block = http.block.filter((each) => each.name !== 'forwarded_headers');
  return [...main, { ...http, block, comments: wish.comments ?? [] }];
}

/** JSON's logs are JSON unless they say otherwise. */
function withLogFormat(directive: Directive): Directive {
  const { name, args, block } = directive;
  if (block !== undefined) return { ...directive, block: block.map(withLogFormat) };
  if (name !== 'access_log' || args.length !== 1 || args[0].text === 'off') return directive;
  return { ...directive, args: [args[0], { text: 'json', at: args[0].at }] };
}

/** A level that sets header fields inherits none, in JSON but for the default ones. */
function withHeaders(directive: Directive, always: boolean): Directive {
  const { name, block } = directive;
  if (block === undefined || !['http', 'server', 'location'].includes(name)) return directive;
  const inner = block.map((each) => withHeaders(each, false));
  const own = block
    .filter((each) => each.name === 'proxy_set_header')
    .map((d): readonly [string, string] => [d.args[0].text, '']);
  if (own.length === 0 && !always) return { ...directive, block: inner };
  const { at } = directive;
  const added = withJsonHeaders(own)
    .filter((field) => !own.includes(field))
    .map(([field, value]) => ({
      name: 'proxy_set_header',
      args: [
        { text: field, at },
        { text: value, at },
      ],
      at,
    }));
  return { ...directive, block: [...added, ...inner] };
}
