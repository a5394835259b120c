// The client of the open load: node open-client.ts '{…PacedOptions}'. Opens all connections, prints `open`, waits for a line, asks by the
// clock, prints an EngineResult as JSON, and closes the connections when its standard input ends.
import { createInterface } from 'node:readline';
import { Pacer } from './paced-client.ts';

const pacer = new Pacer(JSON.parse(process.argv[2]));
await pacer.open();
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
console.log('open');
if (!(await lines.next()).done) console.log(JSON.stringify(await pacer.run()));
await lines.next();
process.exit(0);
