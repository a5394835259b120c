// Descriptors that lbproxy's own parent had open and did not mean for it: a lock, a listening socket of a supervisor, a pipe. Node keeps
// from child processes those below 16, and beyond them only as far as there is no gap; the others would live on in every acceptor and
// every program. Node cannot mark them, so they are closed. Linux; macOS passes nothing on that is not named.
import { closeSync, readdirSync, readFileSync } from 'node:fs';

/** open(2), in octal as in /proc. */
const CLOEXEC = 0o2000000;

/** Whether `closeInherited` would close nothing. */
export function inheritsNothing(): boolean {
  return inherited().length === 0;
}

/** Closes what child processes would inherit. To be called when all that a configuration names is open: it may name `/dev/fd/63`. */
export function closeInherited(): void {
  for (const fd of inherited()) {
    try {
      closeSync(fd);
    } catch {
      // It was closed meanwhile.
    }
  }
}

function inherited(): number[] {
  return openDescriptors().filter((fd) => fd > 2 && fd !== channelFd() && passesOn(fd));
}

function openDescriptors(): number[] {
  try {
    return readdirSync('/proc/self/fd').map(Number);
  } catch {
    return [];
  }
}

/** All that Node and libuv open has the flag: what lacks it came from outside. */
function passesOn(fd: number): boolean {
  try {
    const flags = /^flags:\s+([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & CLOEXEC) === 0;
  } catch {
    return false;
  }
}

/** Of a Node that forked this process. */
function channelFd(): number | undefined {
  return (process.channel as { readonly fd?: number } | undefined)?.fd;
}
