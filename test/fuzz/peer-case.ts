// What peers say in one case: an answer for each attempt, spoilt, cut into pieces, and what the peer does behind it.
import { type Material, mutate } from './mutate.ts';
import type { Random } from './random.ts';
import { tokenOf } from './tokens.ts';

export interface PeerAnswer {
  /** latin1 */
  readonly bytes: string;
  readonly cuts: readonly number[];
  /** Before the body of the request has come. */
  readonly early: boolean;
  readonly end: 'stay' | 'fin' | 'rst';
  /** Nobody spoilt it: the connection can be used again, as long as one likes. */
  readonly isGood: boolean;
}

export interface PeerCase {
  readonly token: string;
  readonly road: 'one' | 'group';
  /** What the client says: nothing wrong. */
  readonly request: string;
  /** Of the first attempt, of the second …; the last is that of all further ones. */
  readonly answers: readonly PeerAnswer[];
  /** The body that the client must get, of an answer that nobody spoilt; null = whatever. */
  readonly body: string | null;
}

const OK = 'HTTP/1.1 200 OK\r\n';
const CHUNKED = 'Transfer-Encoding: chunked\r\n';
const UPGRADED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n';

const sized = (body: string, more = '', line = OK): string =>
  `${line}${more}Content-Length: ${body.length}\r\n\r\n${body}`;

const ANSWERS: readonly string[] = [
  sized('body of TOKEN'),
  sized('', 'X-Token: TOKEN\r\n'),
  sized(
    'x'.repeat(3000),
    'ETag: "TOKEN"\r\nCache-Control: max-age=1\r\nSet-Cookie: a=b\r\nSet-Cookie: c=TOKEN\r\n',
  ),
  `${OK}${CHUNKED}\r\n5\r\nhello\r\n11;x="y"\r\nTOKEN\r\n0\r\n\r\n`,
  `${OK}${CHUNKED}Trailer: X\r\n\r\n5\r\nhello\r\n0\r\nX: TOKEN\r\n\r\n`,
  `${OK}\r\nuntil the end, TOKEN`,
  'HTTP/1.0 200 OK\r\n\r\nold, TOKEN',
  'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 204 No Content\r\nX: TOKEN\r\n\r\n',
  'HTTP/1.1 304 Not Modified\r\nETag: "TOKEN"\r\n\r\n',
  sized('', 'Location: http://127.0.0.1/TOKEN?x\r\nRefresh: 1; url=/TOKEN\r\n', 'HTTP/1.1 302 Found\r\n'),
  sized('no TOKEN', '', 'HTTP/1.1 503 Service Unavailable\r\n'),
  sized('bad TOKEN', '', 'HTTP/1.1 500 Internal Server Error\r\n'),
  sized('none', '', 'HTTP/1.1 404 Not Found\r\n'),
  sized('too large', 'Connection: close\r\n', 'HTTP/1.1 413 Payload Too Large\r\n'),
  `HTTP/1.1 100 Continue\r\n\r\n${sized('TOKEN')}`,
  `HTTP/1.1 103 Early Hints\r\nLink: </TOKEN>\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n${sized('hello')}`,
  sized('TOKEN', 'Connection: close\r\n'),
  sized(
    'TOKEN',
    'Connection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=1, max=1\r\nX-Accel-Buffering: no\r\n',
  ),
  `${UPGRADED}\r\n\x81\x05hello\x88\0`,
  '',
];

const WORDS: readonly string[] = [
  ...[
    '\r\n',
    '\n',
    '\r\n\r\n',
    ' ',
    ':',
    '0\r\n\r\n',
    'ffffffffffff\r\n',
    '5;',
    '1\r\nx\r\n',
    'HTTP/1.1 ',
    OK,
    'HTTP/2 200\r\n',
  ],
  ...[
    'Content-Length: 5\r\n',
    'Content-Length: 0\r\n',
    'Content-Length: 99999999999\r\n',
    CHUNKED,
    'Transfer-Encoding: gzip\r\n',
  ],
  ...[
    'Connection: close\r\n',
    'Connection: upgrade\r\nUpgrade: websocket\r\n',
    'Upgrade: h2c\r\n',
    'Trailer: X\r\n',
    ' folded\r\n',
  ],
  ...[
    'HTTP/1.1 100 Continue\r\n\r\n',
    'HTTP/1.1 199 X\r\n\r\n',
    UPGRADED,
    '204',
    '304',
    '101',
    '999',
    '099',
    '200',
  ],
  ...[
    'Location: //\r\n',
    'Location: http://[\r\n',
    'Date: x\r\n',
    'Server: \xff\r\n',
    'Set-Cookie: \r\n',
    sized('TOKEN'),
  ],
];

const MATERIAL: Material = { words: WORDS, texts: ANSWERS, most: 100_000 };

const REQUESTS: readonly (readonly [percent: number, text: string])[] = [
  [50, 'GET /ROAD/TOKEN HTTP/1.1\r\nHost: a\r\n\r\n'],
  [58, 'HEAD /ROAD/TOKEN HTTP/1.1\r\nHost: a\r\n\r\n'],
  [68, 'POST /ROAD/TOKEN HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello'],
  [76, 'PUT /ROAD/TOKEN HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'],
  [84, `POST /ROAD/TOKEN HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n${'z'.repeat(20_000)}`],
  [90, 'GET /ROAD/TOKEN HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'],
  [
    100,
    'GET /ROAD/TOKEN HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  ],
];

export function makePeerCase(random: Random): PeerCase {
  const token = tokenOf(random);
  const road = random.pick(['one', 'group'] as const);
  const chosen = random.below(100);
  const [, text] = REQUESTS.find(([percent]) => chosen < percent) ?? REQUESTS[0];
  const request = text.replace('ROAD', road).replace('TOKEN', token);
  // What may not be sent twice has no good answer on a connection that goes at that moment.
  if (road === 'one' && !request.startsWith('POST') && random.chance(15)) {
    const body = `body of ${token}`;
    const good: PeerAnswer = { bytes: sized(body), cuts: [], early: false, end: 'stay', isGood: true };
    return { token, road, request, answers: [good], body };
  }
  const answers = Array.from({ length: road === 'one' ? 1 : random.length(3) }, () =>
    makeAnswer(random, token),
  );
  return { token, road, request, answers, body: null };
}

function makeAnswer(random: Random, token: string): PeerAnswer {
  const whole = random.pick(ANSWERS);
  const bytes = (random.chance(90) ? mutate(whole, random, MATERIAL) : whole).replaceAll('TOKEN', token);
  const cuts = random.chance(30)
    ? Array.from({ length: random.length(3) }, () => random.below(bytes.length + 1))
    : [];
  // One that stays after half an answer is waited for.
  const end = random.chance(35) ? 'rst' : random.chance(80) ? 'fin' : 'stay';
  return { bytes, cuts: cuts.sort((a, b) => a - b), early: random.chance(20), end, isGood: false };
}
