// Runs the Vite example's plugin in a server that has what the plugin uses of Vite's: a chain of middlewares and `httpServer`.
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

const [, , example, port, ...servers] = process.argv;
const { balanced } = await import(pathToFileURL(example).href);
const chain = [];
const httpServer = createServer((req, res) => {
  const run = (i) => (error) => {
    if (error !== undefined) res.writeHead(500).end(String(error));
    else if (i === chain.length) res.end('vite');
    else chain[i](req, res, run(i + 1));
  };
  run(0)();
});
const { configureServer } = balanced('/api', { upstream: { servers } });
configureServer({ middlewares: { use: (handle) => chain.push(handle) }, httpServer });
httpServer.listen(Number(port), '127.0.0.1', () => console.log(`listening on ${httpServer.address().port}`));
