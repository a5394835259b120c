// The stream that a page of the live view reads: what it brings and when, whom it refuses, and that nobody can make it hold much.
import { once } from 'node:events';
import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { LiveEvents } from '../../src/cockpit/events.ts';
import type { CockpitFace, TopologyView } from '../../src/cockpit/face.ts';
import { EventReader, type SentEvent } from '../../src/cockpit/page/event-stream.ts';
import { CockpitServer } from '../../src/cockpit/server.ts';
import { LiveStream, readStreamWish } from '../../src/cockpit/stream.ts';
import type { Answer, Question } from '../../src/inspect/questions.ts';

const TOKEN = 'x'.repeat(32);

/** What stands behind the live view, and counts what it is asked for. */
class StandIn {
  readonly events = new LiveEvents();
  readonly version = '1';
  readonly configuration = '/x/nginx.conf';
  readonly programs = null;
  startedAtMs = 1000;
  reloads = 1;
  topologies = 0;
  /** Beside the rest of the state. */
  ballast = '';
  /** When it was asked for its state. */
  readonly asked: number[] = [];
  /** Of each acceptor that keeps requests: their versions, the oldest first. */
  readonly kept = new Map<number, number[]>();

  async snapshot(): Promise<unknown> {
    this.asked.push(performance.now());
    const acceptors = [...this.kept.keys()].map((id) => ({ id }));
    const { startedAtMs, ballast } = this;
    return { startedAtMs, ballast, acceptors, reloads: { lastDoneAtMs: this.reloads } };
  }

  peers(): readonly unknown[] {
    return [];
  }

  topology(): TopologyView {
    this.topologies++;
    return { listeners: [], servers: [] };
  }

  async ask(question: Question, acceptor = 0): Promise<ReadonlyMap<number, Answer>> {
    const answers = new Map<number, Answer>();
    for (const [id, versions] of this.kept) {
      if (question.ask !== 'list' || (acceptor !== 0 && acceptor !== id)) continue;
      const list = versions.filter((version) => version > question.after).map((at) => ({ id: at, at }));
      answers.set(id, {
        list,
        left: [],
        running: null,
        version: versions.at(-1) ?? 0,
        bytes: 0,
      } as unknown as Answer);
    }
    return answers;
  }

  async reload(): Promise<{ ok: boolean; text: string }> {
    this.events.add('info', 'reloaded');
    this.reloads++;
    return { ok: true, text: '' };
  }
}

/** A page that reads it. */
class Reader {
  readonly #answer: IncomingMessage;
  readonly #events: SentEvent[] = [];
  readonly ended: Promise<void>;
  #heard: () => void = () => {};

  constructor(answer: IncomingMessage) {
    this.#answer = answer;
    const parser = new EventReader();
    answer.setEncoding('utf8').on('data', (piece: string) => {
      this.#events.push(...parser.take(piece));
      this.#heard();
    });
    answer.on('error', () => undefined);
    this.ended = new Promise((resolve) => answer.on('close', () => resolve()));
  }

  /** The next event of this name; those before it are gone. */
  // biome-ignore lint/suspicious/noExplicitAny: JSON of many shapes
  async next(name: string): Promise<any> {
    for (;;) {
      const event = this.#events.shift();
      if (event?.name === name) return JSON.parse(event.data);
      if (event === undefined)
        await new Promise<void>((resolve) => {
          this.#heard = resolve;
        });
    }
  }

  /** The names of what came with so many states. */
  async turns(states: number): Promise<string[]> {
    const names: string[] = [];
    while (names.filter((name) => name === 'state').length <= states) {
      const event = this.#events.shift();
      if (event !== undefined) names.push(event.name);
      else
        await new Promise<void>((resolve) => {
          this.#heard = resolve;
        });
    }
    return names.slice(0, -1);
  }

  close(): void {
    this.#answer.destroy();
  }

  pause(): void {
    this.#answer.pause();
  }

  resume(): void {
    this.#answer.resume();
  }
}

const servers = new Set<CockpitServer>();
afterAll(async () => {
  for (const server of servers) await server.close();
});

class Site {
  readonly face = new StandIn();
  readonly reports: string[] = [];
  readonly #server = new CockpitServer({
    face: this.face as unknown as CockpitFace,
    token: TOKEN,
    page: async () => ({ html: '', policy: '' }),
    report: (text) => this.reports.push(text),
  });

  async open(): Promise<this> {
    servers.add(this.#server);
    await this.#server.open({ host: '127.0.0.1', port: 0, mayMove: false });
    return this;
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  async call(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<IncomingMessage> {
    const call = request({
      host: '127.0.0.1',
      port: this.#server.port,
      path,
      method,
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', ...headers },
      agent: false,
    });
    call.on('error', () => undefined);
    call.end(method === 'POST' ? '{}' : undefined);
    const [answer] = (await once(call, 'response')) as [IncomingMessage];
    return answer;
  }

  async stream(query = ''): Promise<Reader> {
    const answer = await this.call(`/api/stream${query}`);
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    return new Reader(answer);
  }

  async reload(): Promise<void> {
    const answer = await this.call('/api/reload', {}, 'POST');
    answer.resume();
    await once(answer, 'end');
  }

  async refusal(query: string, headers: Record<string, string> = {}, method = 'GET'): Promise<string> {
    const answer = await this.call(`/api/stream${query}`, headers, method);
    let text = '';
    for await (const piece of answer.setEncoding('utf8')) text += piece;
    return `${answer.statusCode} ${text}`;
  }
}

it('reads events as they may be written, in whatever pieces', () => {
  const text =
    ': a comment\r\nevent: one\rdata: {"a":\ndata:1}\r\n\r\ndata\n\nevent: lost\n\ndata: ž: 2\nid: 5\r\r';
  const wanted = [
    { name: 'one', data: '{"a":\n1}' },
    { name: 'message', data: '' },
    { name: 'message', data: 'ž: 2' },
  ];
  for (let size = 1; size <= text.length; size++) {
    const reader = new EventReader();
    const found: SentEvent[] = [];
    for (let at = 0; at < text.length; at += size) found.push(...reader.take(text.slice(at, at + size)));
    // The last CR could be half of an end of line.
    found.push(...reader.take('\n'));
    expect([size, found]).toEqual([size, wanted]);
  }
});

it.concurrent('brings all at first, then what is new', async () => {
  const here = await new Site().open();
  here.face.kept.set(1, [3, 5]);
  here.face.events.add('info', 'started');
  const page = await here.stream('?filter=');
  expect(await page.next('state')).toMatchObject({ version: '1', traffic: { startedAtMs: 1000 } });
  expect(await page.next('topology')).toEqual({ listeners: [], servers: [] });
  expect((await page.next('events')).events.map(({ text }: { text: string }) => text)).toEqual(['started']);
  const list = await page.next('requests');
  expect(list.requests.map(({ id }: { id: string }) => id)).toEqual(['1-3', '1-5']);
  expect(list.versions).toEqual({ 1: 5 });
  // Nothing happens.
  expect(await page.turns(1)).toEqual(['state']);

  here.face.kept.set(1, [3, 5, 9]);
  expect((await page.next('requests')).requests.map(({ id }: { id: string }) => id)).toEqual(['1-9']);
  // The inspector counts from the beginning.
  here.face.kept.set(1, [2]);
  const anew = await page.next('requests');
  expect([anew.requests.map(({ id }: { id: string }) => id), anew.versions]).toEqual([['1-2'], { 1: 2 }]);
  await here.reload();
  await page.next('topology');
  expect((await page.next('events')).events).toHaveLength(1);
  expect(here.face.topologies).toBe(2);
  page.close();
});

it.concurrent('goes on behind what was seen, but not of another run', async () => {
  const here = await new Site().open();
  here.face.kept.set(1, [3, 5]);
  for (const text of ['one', 'two']) here.face.events.add('info', text);
  const again = await here.stream('?filter=&run=1000&event=1&after=1:3,7:900');
  expect((await again.next('events')).events.map(({ text }: { text: string }) => text)).toEqual(['two']);
  const list = await again.next('requests');
  expect([list.requests.length, list.versions]).toEqual([1, { 1: 5 }]);
  again.close();
  const other = await here.stream('?filter=&run=999&event=2&after=1:5');
  expect((await other.next('events')).events).toHaveLength(2);
  expect((await other.next('requests')).requests).toHaveLength(2);
  other.close();
  // The inspector is off.
  here.face.kept.clear();
  const bare = await here.stream('?filter=&run=1000&event=2');
  expect(await bare.next('requests')).toEqual({ requests: [], left: [], running: {}, versions: {} });
  bare.close();
  // Who does not ask for requests gets none.
  const plain = await here.stream();
  expect(await plain.turns(1)).toEqual(['state', 'topology', 'events']);
  plain.close();
});

it.concurrent('shows at once what was done, to all pages', async () => {
  const here = await new Site().open();
  const pages = [await here.stream(), await here.stream()];
  for (const page of pages) await page.next('topology');
  for (let i = 0; i < 5; i++) {
    await here.reload();
    for (const page of pages) await page.next('topology');
  }
  const { asked } = here.face;
  // Some of so many come between two seconds even where the machine is busy.
  expect(asked.some((at, i) => i > 0 && at - asked[i - 1] < 900)).toBe(true);
  for (const page of pages) page.close();
});

it.concurrent('makes nothing while no page is open, and has room for those to come', async () => {
  const here = await new Site().open();
  const { asked } = here.face;
  const pages: Reader[] = [];
  for (let i = 0; i < 16; i++) pages.push(await here.stream());
  await pages[15].next('state');
  expect(await here.refusal('')).toMatch(/^503 \{"problem":"16 pages are open, .*close one"\}/);
  pages[3].close();
  await expect.poll(() => here.refusal('?filter=what%3D1')).toMatch(/^400 .*what/);
  pages[3] = await here.stream();
  await pages[3].next('state');
  // One turn is for all.
  expect(asked.length).toBeLessThan(16);
  for (const page of pages) page.close();
  await Promise.all(pages.map(({ ended }) => ended));
  await sleep(200);
  const before = asked.length;
  await here.reload();
  await sleep(1500);
  expect(asked.length).toBe(before);
  await (await here.stream()).next('state');
  expect(here.reports).toEqual([]);
});

it.concurrent('makes and keeps nothing for a page that does not read', async () => {
  const here = await new Site().open();
  here.face.ballast = 'x'.repeat(6 * 1024 * 1024);
  const slow = await here.stream();
  slow.pause();
  await expect.poll(() => here.face.asked.length).toBe(1);
  await sleep(1500);
  expect(here.face.asked.length).toBe(1);
  // Others are not held up by it.
  const page = await here.stream();
  await page.turns(1);
  page.close();
  slow.resume();
  await slow.next('state');
  await slow.next('state');
  slow.close();
});

it.concurrent('refuses who has no token, or comes from elsewhere', async () => {
  const here = await new Site().open();
  const refused: readonly (readonly [status: number, headers: Record<string, string>, method?: string])[] = [
    [401, { authorization: '' }],
    [401, { authorization: 'Bearer wrong' }],
    [403, { host: 'evil.example' }],
    [403, { origin: 'http://evil.example' }],
    [403, { 'sec-fetch-site': 'cross-site' }],
    [404, {}, 'POST'],
  ];
  for (const [status, headers, method] of refused)
    expect(await here.refusal('', headers, method)).toMatch(new RegExp(`^${status} `));
  expect(await here.refusal(`?token=${TOKEN}`, { authorization: '' })).toMatch(/^401 /);
  expect(here.face.asked).toEqual([]);
});

it.concurrent('ends with lbproxy', async () => {
  const here = await new Site().open();
  const page = await here.stream();
  await page.next('state');
  await here.close();
  await page.ended;
});

it('ends one that takes nothing for a minute', () => {
  let isEnded = false;
  const response = {
    setHeader: () => undefined,
    flushHeaders: () => undefined,
    destroy: () => {
      isEnded = true;
    },
  } as unknown as ServerResponse;
  const stream = new LiveStream({} as CockpitFace, response, readStreamWish(new URLSearchParams()));
  for (let i = 0; i < 59; i++) stream.skip();
  expect(isEnded).toBe(false);
  stream.skip();
  expect(isEnded).toBe(true);
});
