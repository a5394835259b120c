// What is measured, as data.

export interface Scenario {
  readonly name: string;
  readonly about: string;
  readonly connections: number;
  readonly path: string;
  readonly method: 'GET' | 'POST';
  /** Bytes of the request's body. */
  readonly bodyBytes: number;
  /** Bytes of the answer's body, to be verified. */
  readonly answerBytes: number;
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'plain',
    about: '64 keep-alive connections, 48-byte answer',
    connections: 64,
    path: '/48',
    method: 'GET',
    bodyBytes: 0,
    answerBytes: 48,
  },
  {
    name: 'down-16k',
    about: '16 KB answer',
    connections: 64,
    path: '/16384',
    method: 'GET',
    bodyBytes: 0,
    answerBytes: 16_384,
  },
  {
    name: 'up-64k',
    about: '64 KB request body',
    connections: 32,
    path: '/48',
    method: 'POST',
    bodyBytes: 65_536,
    answerBytes: 48,
  },
];
