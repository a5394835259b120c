// Where error_page and try_files lead inside of the server: a URI with its arguments, or a named location.
import type { Exchange } from '../exchange/exchange.ts';

/** `target` begins with `@` or is a URI. */
export function goTo(x: Exchange, target: string): void {
  if (target.startsWith('@')) return x.server.toNamed(x, target);
  const question = target.indexOf('?');
  if (question < 0) x.server.redirect(x, target, null);
  else x.server.redirect(x, target.slice(0, question), target.slice(question + 1));
}
