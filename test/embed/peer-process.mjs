// A peer in a process of its own, to be killed: answers every request with `text` on `port`, WebSockets with an echo.
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const [, , port, text] = process.argv;
const server = createServer((_req, res) => setTimeout(() => res.end(text), 2));
new WebSocketServer({ server }).on('connection', (socket) => {
  socket.on('message', (data) => socket.send(`${text} ${data}`));
});
server.listen(Number(port), '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
