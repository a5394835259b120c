// `user` has no effect yet: whoever relies on it must hear so, at a test and at a start.
import type { Problems } from '../config/problem.ts';
import type { Tree } from '../config/tree.ts';

export function warnOfUser(tree: Tree, problems: Problems, own = process.geteuid?.()): void {
  for (const { name, args, at } of tree.directives) {
    if (name !== 'user') continue;
    const text = problemOfUser(
      args.map((word) => word.text),
      own,
    );
    if (text !== undefined) problems.warn(at, text);
  }
}

/** Undefined where lbproxy runs as what is asked for. */
function problemOfUser(words: readonly string[], own: number | undefined): string | undefined {
  // nginx's own words, nearly.
  if (own !== 0)
    return '"user" makes sense only if lbproxy is started with super-user privileges: it is ignored, and lbproxy stays the user that it is';
  if (words[0] === 'root') return undefined;
  return (
    `"user ${words.join(' ')}" has no effect yet: lbproxy, its acceptors and its programs run as root; start lbproxy as that user ` +
    "(setpriv, systemd's User=, docker run --user), with CAP_NET_BIND_SERVICE for ports below 1024"
  );
}
