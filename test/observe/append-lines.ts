// A process that logs: argv is path, name, count, how it ends (`flush`, `exit`, `linger`), bufferBytes. Lines are `name number filler`.
import { writeSync } from 'node:fs';
import { LogFiles } from '../../src/observe/log-files.ts';

const [path, name, count, ending, bufferBytes = '8192'] = process.argv.slice(2);

const files = new LogFiles();
files.report = (message) => writeSync(2, `${message}\n`);
const writer = files.open(path, { bufferBytes: Number(bufferBytes), flushMs: 20 });

function writeLines(from: number, to: number): void {
  for (let i = from; i < to; i++) writer.write(`${name} ${i} ${'x'.repeat((i * 37) % 300)}\n`);
}

async function run(): Promise<void> {
  const total = Number(count);
  for (let from = 0; from < total; from += 100) {
    writeLines(from, Math.min(total, from + 100));
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (ending === 'exit') {
    // One write is under way and more lines wait behind it.
    writeLines(total, total + 1000);
    files.flushAllSync();
    process.exit(0);
  }
  if (ending === 'linger') await new Promise((resolve) => setTimeout(resolve, 300));
  await files.flushAll(5000);
}

await run();
