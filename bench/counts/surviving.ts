// What requests and their connections leave behind in V8's old generation, which only a major collection takes: it should be nothing.
// Found by this: a Set's old tables, each of which kept what the next one held (src/shared/roster.ts), and a closure on a request of
// Node's (src/socket/connect-socket.ts).
import { Asker, type Question } from './asker.ts';
import type { Probe } from './counted.ts';

const CONNECTIONS = 16;
/** Between two minor collections; what has lived through two of them is old. */
const BETWEEN = 96;
const COLLECTIONS = 12;
/** The first of which come to no end where something is old that lasts. */
const TURNS = 2;

/** Bytes per request by which the old generation grows until its next collection; of several turns the least, as code is made old, too. */
export async function survivingBytes(question: Question, probe: Probe): Promise<number> {
  const turns: number[] = [];
  for (let i = 0; i < TURNS; i++) turns.push(await turn(question, probe));
  return Math.round(Math.min(...turns));
}

async function turn(question: Question, probe: Probe): Promise<number> {
  const asker = new Asker(question, CONNECTIONS);
  // Tables that stand now are old from here on.
  await asker.ask(BETWEEN);
  const before = await probe.collect('major');
  let after = before;
  for (let i = 0; i < COLLECTIONS; i++) {
    await asker.ask(BETWEEN);
    after = await probe.collect('minor');
  }
  asker.end();
  return (after.old - before.old) / (COLLECTIONS * BETWEEN);
}
