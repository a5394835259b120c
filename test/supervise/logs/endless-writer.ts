// Writes numbered lines into a rotated log until it is killed.
import { ProgramLogs } from '../../../src/supervise/logs/program-logs.ts';
import { fileplan, owner } from './plans.ts';

const [path = ''] = process.argv.slice(2);
const logs = new ProgramLogs({
  childLogDirectory: '/',
  identifier: 'x',
  print: () => undefined,
  report: (message) => void process.stderr.write(`${message}\n`),
});
const log = logs.open(owner('a'), 'stdout', fileplan(path, { maxBytes: 4000, backups: 20 }));
for (let i = 0; ; i += 100) {
  const lines = Array.from({ length: 100 }, (_, n) => `${String(i + n).padStart(8, '0')}\n`);
  await log.write(Buffer.from(lines.join('')));
  await new Promise((resolve) => setImmediate(resolve));
  if (i === 2000) process.stdout.write('begun\n');
}
