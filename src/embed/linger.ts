// node:http closes a connection right behind its last answer. What the client is still sending then makes the system reset the
// connection, and the client may lose the answer: so the rest is read first, for a while (nginx: lingering_close).
import type { IncomingMessage } from 'node:http';

/** nginx: lingering_timeout, lingering_time. */
const SILENCE_MS = 5000;
const WHOLE_MS = 30_000;

/** To be called before an answer that may come before the end of its request. */
export function lingerBehind(req: IncomingMessage): void {
  const { socket } = req;
  if (req.complete || req.httpVersionMajor > 1 || typeof socket.destroySoon !== 'function') return;
  socket.destroySoon = () => {
    Reflect.deleteProperty(socket, 'destroySoon');
    if (req.complete || req.destroyed) return socket.destroySoon();
    socket.end();
    const limit = setTimeout(() => socket.destroy(), WHOLE_MS);
    socket.once('close', () => clearTimeout(limit));
    socket.setTimeout(SILENCE_MS, () => socket.destroy());
    req.once('end', () => socket.destroySoon());
    req.resume();
  };
}
