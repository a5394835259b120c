// A peer as a process of its own, to be killed: node peer-program.ts --port=8001. Prints "listening" once it does.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { WebSocketServer } from 'ws';

const port = Number(process.argv.find((arg) => arg.startsWith('--port='))?.slice(7) ?? process.env.PORT);

/** Requests that have come and are not answered yet, without those that ask for this number, and what answers those for /held. */
let waiting = 0;
const held = new Set<() => void>();

type Answer = (req: IncomingMessage, res: ServerResponse, query: URLSearchParams) => void;

const answers: Record<string, Answer> = {
  '/': (_req, res) => void res.end(`${port}\n`),
  '/slow': (_req, res, query) => void setTimeout(() => res.end(`${port}\n`), Number(query.get('ms'))),
  // Answered when somebody asks for /release.
  '/held': (_req, res) => void held.add(() => res.end(`${port}\n`)),
  '/release': (_req, res) => {
    for (const answer of held) answer();
    held.clear();
    res.end();
  },
  '/waiting': (_req, res) => void res.end(String(waiting)),
  '/echo': (req, res) => void req.pipe(res),
  '/stream': (_req, res, query) => stream(res, Number(query.get('bytes'))),
  '/late-sink': (req, res, query) => {
    setTimeout(() => req.resume(), Number(query.get('ms')));
    req.on('end', () => res.end(`${port}\n`));
  },
  '/hash': (req, res) => {
    const hash = createHash('sha256');
    let bytes = 0;
    req.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      hash.update(chunk);
    });
    req.on('end', () => res.end(JSON.stringify({ bytes, sha256: hash.digest('hex') })));
  },
};

const PIECE = Buffer.alloc(65_536, 'lbproxy ');

/** So many bytes of a pattern, as fast as they are taken. */
function stream(res: ServerResponse, bytes: number): void {
  res.setHeader('Content-Length', bytes);
  let left = bytes;
  const write = (): void => {
    while (left > 0) {
      const piece = left >= PIECE.length ? PIECE : PIECE.subarray(0, left);
      left -= piece.length;
      if (!res.write(piece) && left > 0) return void res.once('drain', write);
    }
    res.end();
  };
  write();
}

const server = createServer({ requestTimeout: 0, keepAliveTimeout: 5000 }, (req, res) => {
  const url = new URL(req.url ?? '/', 'http://peer');
  const answer = answers[url.pathname];
  if (url.pathname !== '/waiting') {
    waiting++;
    res.once('close', () => waiting--);
  }
  if (answer === undefined) res.writeHead(404).end();
  else answer(req, res, url.searchParams);
});
const sockets = new WebSocketServer({ server });
sockets.on('connection', (socket) => {
  socket.on('message', (data) => socket.send(`${port} ${data}`));
});
server.listen(port, '127.0.0.1', 511, () => console.log(`listening on ${port}`));
process.on('SIGTERM', () => process.exit(0));
