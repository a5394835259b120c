// An app that starts as fast as Node does: node quick-app.mjs --port=8001 [--late-ms=300] [--stop-late-ms=100]. GET / says who answers,
// POST / gives the body back, /slow?ms= takes its time, /waiting says how many of those are under way, /eat?mb= holds memory.
import { createServer } from 'node:http';

const given = (name) => process.argv.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
const port = Number(given('port') ?? process.env.PORT);
const held = [];
let waiting = 0;

const server = createServer({ keepAliveTimeout: 5000 }, (req, res) => {
  const { pathname, searchParams } = new URL(req.url, 'http://app');
  const who = `${port} ${process.pid} ${process.env.VERSION ?? ''}`.trim();
  if (req.method === 'POST') return void req.pipe(res);
  if (pathname === '/slow') {
    waiting++;
    res.once('close', () => waiting--);
    return void setTimeout(() => res.end(who), Number(searchParams.get('ms')));
  }
  if (pathname === '/waiting') return void res.end(String(waiting));
  if (pathname === '/eat') held.push(Buffer.alloc(Number(searchParams.get('mb')) << 20, 1));
  if (pathname === '/down') res.statusCode = 503;
  res.end(who);
});
console.log(`begins ${port}`);
setTimeout(
  () => server.listen(port, '127.0.0.1', 511, () => console.log(`listens ${port}`)),
  Number(given('late-ms') ?? 0),
);
process.on('SIGTERM', () => setTimeout(() => process.exit(0), Number(given('stop-late-ms') ?? 0)));
