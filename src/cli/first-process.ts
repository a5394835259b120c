// As process 1 of a container lbproxy would have to collect the orphans that programs leave, and Node has no waitpid(-1): they would
// stay zombies. So it makes way: process 1 becomes a shell, which runs lbproxy, passes signals on to it, and collects.

/** What the shell gets; the command and its arguments follow. It ends with lbproxy's own status. */
export const REAPER = [
  // Process 1 has no default handlers: a signal that comes before its trap is not lost but has no effect.
  ...['HUP', 'INT', 'QUIT', 'TERM', 'USR1', 'USR2', 'WINCH'].map(
    (name) => `trap '[ -n "$child" ] && kill -s ${name} "$child" 2>/dev/null' ${name}`,
  ),
  // What runs in the background has no stdin, unless it is brought along.
  'exec 3<&0',
  '"$@" <&3 3<&- &',
  'child=$!',
  'exec 3<&-',
  // A signal ends the wait, too.
  'while wait "$child"; status=$?; kill -0 "$child" 2>/dev/null; do :; done',
  // It ended together with such a signal: 127 is said of one whose status was given before.
  'wait "$child" 2>/dev/null; last=$?; [ "$last" = 127 ] || status=$last',
  'exit "$status"',
].join('\n');

/** Does not return where this is process 1 and can become another: then lbproxy runs anew, as its child. */
export function makeWayForReaper(): void {
  if (process.pid !== 1 || process.platform !== 'linux' || typeof process.execve !== 'function') return;
  const command = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  try {
    process.execve('/bin/sh', ['sh', '-c', REAPER, 'lbproxy-reaper', ...command], process.env);
  } catch {
    // No shell in the image: lbproxy runs as it is, and docker run --init collects.
  }
}
