// Fills a log until the system takes no more, empties it, and says what came of it.
import { readFileSync, statSync } from 'node:fs';
import { ProgramLogs } from '../../../src/supervise/logs/program-logs.ts';
import { fileplan, owner } from './plans.ts';

const [path = ''] = process.argv.slice(2);
const problems: string[] = [];
const logs = new ProgramLogs({
  childLogDirectory: '/',
  identifier: 'x',
  print: () => undefined,
  report: (message) => void problems.push(message),
});
const log = logs.open(owner('a'), 'stdout', fileplan(path));
for (let i = 0; i < 70; i++) log.write(Buffer.from(`${'x'.repeat(1023)}\n`));
while (problems.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
const atFull = statSync(path).size;
await logs.clear(path);
log.write(Buffer.from('after\n'));
await logs.flushAll(5000);
console.log(JSON.stringify({ problems, atFull, text: readFileSync(path, 'latin1') }));
logs.closeAll();
