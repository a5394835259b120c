// lbproxy in a world where an hour is over whenever the test sends SIGUSR2: for what happens once an hour.
import { MAIN } from './main-file.ts';

const HOUR_MS = 3_600_000;
const hourly: (() => void)[] = [];

const { setInterval: every } = globalThis;
globalThis.setInterval = ((work: () => void, ms: number) => {
  if (ms === HOUR_MS) hourly.push(work);
  return every(work, ms);
}) as typeof setInterval;
process.on('SIGUSR2', () => {
  for (const work of hourly) work();
});

await import(MAIN);
