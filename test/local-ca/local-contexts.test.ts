// What an acceptor shows: which leaf for which name, when it asks the primary, and what it does when that does not answer.
import type { SecureContext } from 'node:tls';
import { beforeAll, expect, it, vi } from 'vitest';
import { LocalContexts } from '../../src/listen/tls/local-contexts.ts';
import type { Leaf, LeafSource } from '../../src/local-ca/leaf.ts';
import { LeafAsker } from '../../src/local-ca/leaf-asker.ts';
import { keyOf, namesOf } from '../../src/local-ca/names.ts';
import { readModel } from '../support/proxy.ts';

const DAY_MS = 24 * 3600_000;
type Own = ConstructorParameters<typeof LocalContexts>[0]['own'];
let own: Own;
let key = '';
beforeAll(() => {
  const { model, remove } = readModel(
    'http { server { listen 8443 ssl; server_name a.test *.wild.test; ssl_certificate local; return 204; } }',
  );
  remove();
  own = model.servers[0].settings;
  key = keyOf(namesOf(own));
});

/** Contexts are the certificates' own texts here. */
function contexts(ask: (wanted: string, leaf: (text: string) => Leaf) => Leaf | null) {
  let nowMs = 1_000_000;
  const asked: string[] = [];
  const told: string[] = [];
  const leaf = (certificate: string): Leaf => ({
    certificate,
    key: '',
    madeAtMs: nowMs,
    renewAtMs: nowMs + 300 * DAY_MS,
    endsAtMs: nowMs + 330 * DAY_MS,
  });
  const source: LeafSource = (wanted) => {
    asked.push(wanted === key ? 'own' : wanted);
    return Promise.resolve(ask(wanted, leaf));
  };
  const made = new LocalContexts(
    {
      own,
      leaves: { [key]: leaf('own') },
      ask: source,
      create: ([{ certificate }]) => certificate as unknown as SecureContext,
      tell: (message) => void told.push(message),
    },
    () => nowMs,
  );
  return {
    asked,
    told,
    /** What a client that asks for that name is shown, and whether it had to wait. */
    async shown(name: string): Promise<string> {
      const coming = made.coming(name);
      await coming;
      return `${String(made.contextFor(name))}${coming === null ? '' : ' after a wait'}`;
    },
    pass(ms: number): void {
      nowMs += ms;
    },
  };
}

it('shows the own leaf to those who ask for what it has, for nothing, or for what is not ours', async () => {
  const { shown, asked } = contexts(() => null);
  for (const name of ['a.test', 'A.TEST', 'localhost', '', 'b.test', 'wild.test', 'not a name', '127.0.0.1'])
    expect(await shown(name)).toBe('own');
  expect(asked).toEqual([]);
});

it('asks once for each other name that is ours', async () => {
  const { shown, asked } = contexts((wanted, leaf) => leaf(wanted));
  expect(await shown('x.wild.test')).toBe('x.wild.test after a wait');
  expect(await shown('X.Wild.Test')).toBe('x.wild.test');
  expect(await shown('app.localhost')).toBe('app.localhost after a wait');
  expect(asked).toEqual(['x.wild.test', 'app.localhost']);
});

it('asks anew when a leaf is due', async () => {
  let turn = 0;
  const { shown, asked, pass } = contexts((wanted, leaf) =>
    leaf(`${wanted === key ? 'own' : wanted} ${++turn}`),
  );
  expect(await shown('x.wild.test')).toBe('x.wild.test 1 after a wait');
  pass(299 * DAY_MS);
  expect([await shown('x.wild.test'), await shown('a.test')]).toEqual(['x.wild.test 1', 'own']);
  pass(DAY_MS);
  expect(await shown('a.test')).toBe('own 2 after a wait');
  expect(await shown('x.wild.test')).toBe('x.wild.test 3 after a wait');
  expect([await shown('x.wild.test'), await shown('a.test')]).toEqual(['x.wild.test 3', 'own 2']);
  expect(asked).toEqual(['x.wild.test', 'own', 'x.wild.test']);
});

it('shows what it has where no new one comes, and asks again a minute later', async () => {
  let silent = false;
  const { shown, asked, told, pass } = contexts((wanted, leaf) => (silent ? null : leaf(wanted)));
  await shown('x.wild.test');
  silent = true;
  expect(await shown('y.wild.test')).toBe('own after a wait');
  expect(told).toEqual(['no new local certificate for "y.wild.test": the primary gave none']);
  pass(300 * DAY_MS);
  expect(await shown('x.wild.test')).toBe('x.wild.test after a wait');
  expect(await shown('x.wild.test')).toBe('x.wild.test');
  silent = false;
  pass(60_000);
  expect(await shown('x.wild.test')).toBe('x.wild.test after a wait');
  expect(asked).toEqual(['x.wild.test', 'y.wild.test', 'x.wild.test', 'x.wild.test']);
});

it('keeps 64 of them, those that were made last', async () => {
  const { shown, asked } = contexts((wanted, leaf) => leaf(wanted));
  for (let i = 0; i < 65; i++) await shown(`n${i}.wild.test`);
  expect(await shown('n1.wild.test')).toBe('n1.wild.test');
  expect(await shown('n0.wild.test')).toBe('n0.wild.test after a wait');
  expect(asked).toHaveLength(66);
});

it('asks the primary once for all clients that wait, for 64 names at most, and for 5 seconds', async () => {
  vi.useFakeTimers();
  try {
    const sent: [number, string][] = [];
    const asker = new LeafAsker((id, wanted) => void sent.push([id, wanted]));
    const leaf: Leaf = { certificate: 'c', key: 'k', madeAtMs: 0, renewAtMs: 1, endsAtMs: 2 };
    const [one, other] = [asker.ask('a.test'), asker.ask('a.test')];
    asker.answer(1, leaf);
    asker.answer(1, null);
    asker.answer(77, leaf);
    expect(await Promise.all([one, other])).toEqual([leaf, leaf]);
    const many = Array.from({ length: 65 }, (_, i) => asker.ask(`n${i}.test`));
    expect(await many[64]).toBeNull();
    expect(sent).toHaveLength(65);
    const settled = vi.fn();
    void many[0].then(settled);
    await vi.advanceTimersByTimeAsync(4999);
    expect(settled).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(await Promise.all(many)).toEqual(many.map(() => null));
    // What comes late helps nobody, and hurts nobody.
    asker.answer(2, leaf);
    void asker.ask('n64.test');
    expect(sent.at(-1)).toEqual([66, 'n64.test']);
  } finally {
    vi.useRealTimers();
  }
});
