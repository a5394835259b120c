// The app behind every contender: GET /N answers N bytes, at the least cost Node has: node upstream-server.ts PORT
import { createServer, type Socket } from 'node:net';

const answers = new Map<number, Buffer>();

function answerOf(size: number): Buffer {
  let answer = answers.get(size);
  if (answer === undefined) {
    const head = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${size}\r\n\r\n`;
    answer = Buffer.concat([Buffer.from(head), Buffer.alloc(size, 'x')]);
    answers.set(size, answer);
  }
  return answer;
}

function serve(socket: Socket): void {
  let bodyLeft = 0;
  let size = 0;
  let partial = '';
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    if (bodyLeft > 0) {
      bodyLeft -= chunk.length;
      if (bodyLeft <= 0) finish();
      return;
    }
    const text = partial + chunk.toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) {
      partial = text;
      return;
    }
    partial = '';
    size = Number(/^[A-Z]+ \/(\d+)/.exec(text)?.[1] ?? 0);
    bodyLeft = Number(/\r\ncontent-length: *(\d+)/i.exec(text)?.[1] ?? 0) - (text.length - end - 4);
    if (bodyLeft <= 0) finish(/^[A-Z]+ \S+ HTTP\/1\.0/.test(text) || /\r\nconnection: close/i.test(text));
  });
  const finish = (close = false): void => {
    bodyLeft = 0;
    if (close) socket.end(answerOf(size));
    else socket.write(answerOf(size));
  };
}

createServer({ noDelay: true }, serve).listen(Number(process.argv[2]), '127.0.0.1');
