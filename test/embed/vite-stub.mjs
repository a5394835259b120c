// Runs the plugin of the Vite example, with other peers, in a server that has what the plugin uses of Vite's: a chain of middlewares and `httpServer`.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [, , example, port, ...servers] = process.argv;
const dir = mkdtempSync(join(tmpdir(), 'lbproxy-'));
const text = readFileSync(example, 'utf8').replace(
  "['127.0.0.1:8001', '127.0.0.1:8002']",
  JSON.stringify(servers),
);
if (!text.includes(servers[0])) throw new Error('the example has other peers than this program replaces');
writeFileSync(join(dir, 'vite.config.ts'), text);
const config = await import(pathToFileURL(join(dir, 'vite.config.ts')).href);
rmSync(dir, { recursive: true });
const chain = [];
const httpServer = createServer((req, res) => {
  const run = (i) => (error) => {
    if (error !== undefined) res.writeHead(500).end(String(error));
    else if (i === chain.length) res.end('vite');
    else chain[i](req, res, run(i + 1));
  };
  run(0)();
});
config.default.plugins[0].configureServer({
  middlewares: { use: (handle) => chain.push(handle) },
  httpServer,
});
httpServer.listen(Number(port), '127.0.0.1', () => console.log(`listening on ${httpServer.address().port}`));
