// Which requests are told to who asks again with the versions that it has seen.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { expect, it } from 'vitest';
import { answerCall } from '../../src/cockpit/calls.ts';
import type { CockpitFace } from '../../src/cockpit/face.ts';
import { LiveStreams } from '../../src/cockpit/streams.ts';
import type { Question } from '../../src/inspect/questions.ts';

/** What is answered, and what the one acceptor, at this version, was asked. */
async function call(query: string, version: number): Promise<{ answer: unknown; asked: Question[] }> {
  const asked: Question[] = [];
  const face = {
    ask: async (question: Question) => {
      asked.push(question);
      return new Map([[1, { list: [], left: [7], running: null, version, bytes: 0 }]]);
    },
  } as unknown as CockpitFace;
  let text = '';
  const response = { setHeader: () => undefined, end: (body: string) => (text = body) };
  const request = { method: 'GET', url: `/api/requests?${query}` } as IncomingMessage;
  const streams = new LiveStreams(face, () => undefined);
  await answerCall({ face, streams }, request, response as unknown as ServerResponse);
  return { answer: JSON.parse(text), asked };
}

it('asks for what changed since, and tells what left', async () => {
  const { answer, asked } = await call('after=1:20', 30);
  expect(answer).toEqual({ requests: [], left: ['1-7'], running: {}, versions: { 1: 30 } });
  expect(asked.at(-1)).toMatchObject({ after: 20, limit: 200 });
  expect((await call('after=1:30', 30)).asked.length).toBe(1);
});

it('asks for all of an inspector that counts from the beginning again', async () => {
  const { answer, asked } = await call('after=1:200', 30);
  expect(asked.at(-1)).toMatchObject({ after: 0, limit: 200 });
  expect(answer).toMatchObject({ versions: { 1: 30 } });
});

it.each([
  ['-5', 1],
  ['2.5', 2],
  ['x', 200],
  ['0', 200],
  ['1e9', 1000],
])('takes a limit of %s as %d', async (limit, taken) => {
  expect((await call(`limit=${limit}`, 30)).asked.at(-1)).toMatchObject({ limit: taken });
});
