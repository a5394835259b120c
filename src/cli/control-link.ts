// A second name of lbproxy's own control socket, made from the supervisord.conf that it runs beside its configuration: `lbproxy ctl -c` takes
// either file.
import { lstatSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { controlSocketOf, usualStateDir } from './state-places.ts';

/** Makes it; what it gives takes it away again. Only convenience: where it cannot be made, nobody is told. */
export function linkControlSocket(socket: string | null, programs: string | undefined): () => void {
  const path = programs === undefined ? null : controlSocketOf(usualStateDir(), programs);
  if (socket === null || path === null || path === socket) return () => {};
  try {
    // The socket of an lbproxy that runs the programs alone stays.
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) rmSync(path, { force: true });
    symlinkSync(socket, path);
  } catch {
    return () => {};
  }
  return () => {
    if (leadsTo(path, socket)) rmSync(path, { force: true });
  };
}

function leadsTo(path: string, socket: string): boolean {
  try {
    return readlinkSync(path) === socket;
  } catch {
    return false;
  }
}
