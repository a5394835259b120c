// How a message shows the command line of a process: on one line, and not too long for it.

const LIMIT = 120;
/** Enough for most interpreters; what tells one process from another stands behind. */
const HEAD = 40;

/** Takes what /proc/PID/cmdline holds. Of a long one the middle is left out: the script and its arguments stand at the end. */
export function shownCommand(cmdline: string): string {
  const words = cmdline.replaceAll('\0', ' ').trim();
  const shown = Array.from(words.replace(/[\0-\x1f\x7f-\x9f]/g, '?'));
  if (shown.length <= LIMIT) return shown.join('');
  return `${shown.slice(0, HEAD).join('')}…${shown.slice(HEAD + 1 - LIMIT).join('')}`;
}
