// What a listening socket is called between the primary and an acceptor.

/** A socket of the primary belongs to one listener of an acceptor: another one for the same address needs its own. */
export function listenerIdentity(key: string, secure: boolean): string {
  return secure ? `${key} ssl` : key;
}
