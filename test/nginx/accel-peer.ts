// A peer whose answer stands in the request's target: `/any?json` with status, lines and body, percent-encoded.
import { startRawUpstream, type TestPeer } from '../support/upstream.ts';

export interface Wanted {
  readonly status?: string;
  readonly lines?: readonly string[];
  readonly body?: string;
  /** What frames the body: a length unless said otherwise. */
  readonly framing?: 'length' | 'chunked' | 'close';
}

/** A target that gets this answer. */
export const wanted = (path: string, answer: Wanted): string =>
  `${path}?${encodeURIComponent(JSON.stringify(answer))}`;

export function startAccelPeer(): Promise<TestPeer> {
  return startRawUpstream((socket) => {
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const [method, target] = text.split(' ', 2);
        text = text.slice(end + 4);
        const answer = answerTo(method, target);
        socket.write(answer.text, 'latin1');
        if (answer.closes) socket.end();
      }
    });
  });
}

function answerTo(method: string, target: string): { readonly text: string; readonly closes: boolean } {
  const question = target.indexOf('?');
  const given = question < 0 ? '' : decodeURIComponent(target.slice(question + 1));
  const {
    status = '200 OK',
    lines = [],
    body = `${method} ${target}`,
    framing = 'length',
  } = given.startsWith('{') ? (JSON.parse(given) as Wanted) : {};
  const framed = {
    length: `Content-Length: ${body.length}\r\n`,
    chunked: 'Transfer-Encoding: chunked\r\n',
    close: 'Connection: close\r\n',
  }[framing];
  const head = `HTTP/1.1 ${status}\r\n${lines.map((line) => `${line}\r\n`).join('')}${framed}\r\n`;
  const bare = method === 'HEAD' || /^(?:204|304)/.test(status);
  const chunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  return { text: head + (bare ? '' : framing === 'chunked' ? chunks : body), closes: framing === 'close' };
}
