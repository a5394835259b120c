// Checks what stands at several places of a tree and does not go together: buffered logs of one file, both forms of secure_link.
import type { Problems } from './problem.ts';
import type { Directive } from './tree.ts';
import { parseSize, parseTime } from './units.ts';

export function checkConflicts(directives: readonly Directive[], problems: Problems): void {
  walk(directives, new Map(), problems);
}

/** At `http` both forms may stand: nginx looks at what servers and locations have of their own (ngx_http_secure_link_merge_conf). */
function checkLinks(directives: readonly Directive[], problems: Problems): void {
  const secret = directives.find(({ name }) => name === 'secure_link_secret');
  if (secret !== undefined && directives.some(({ name }) => /^secure_link(?:_md5)?$/.test(name)))
    problems.error(
      secret.at,
      '"secure_link_secret" cannot be mixed with "secure_link" and "secure_link_md5": remove one of the forms',
    );
}

function walk(directives: readonly Directive[], logs: Map<string, string>, problems: Problems): void {
  for (const directive of directives) {
    if (directive.name === 'access_log') checkLog(directive, logs, problems);
    if (directive.block === undefined) continue;
    if (directive.name !== 'http') checkLinks(directive.block, problems);
    walk(directive.block, logs, problems);
  }
}

/** A file has one buffer. Logs of the same file without one may stand beside it, as in nginx. */
function checkLog({ args, at }: Directive, logs: Map<string, string>, problems: Problems): void {
  if (args.length < 3) return;
  const value = (name: string): string | undefined => {
    const word = args.slice(2).find(({ text }) => text === name || text.startsWith(`${name}=`));
    return word?.text.slice(name.length + 1);
  };
  const [buffer, gzip] = [value('buffer'), value('gzip')];
  if (buffer === undefined && gzip === undefined) return;
  const path = args[0].text;
  const parameters = [parseSize(buffer ?? '64k'), parseTime(value('flush') ?? '0'), gzip === '' ? '1' : gzip];
  const text = parameters.join(' ');
  const before = logs.get(path);
  if (before === undefined) logs.set(path, text);
  else if (before !== text)
    problems.error(
      at,
      `access_log "${path}" already defined with conflicting parameters: give buffer=, flush= and gzip= the same values`,
    );
}
