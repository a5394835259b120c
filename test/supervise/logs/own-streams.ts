// Logs to the streams that this process was started with.
import { ProgramLogs } from '../../../src/supervise/logs/program-logs.ts';
import { fileplan, owner } from './plans.ts';

const problems: string[] = [];
const logs = new ProgramLogs({
  childLogDirectory: '/',
  identifier: 'x',
  print: () => undefined,
  report: (message) => void problems.push(message),
});
const paths = {
  stdout: '/dev/stdout',
  stderr: '/dev/stderr',
  'fd 3': '/dev/fd/3',
  'fd 4': '/proc/self/fd/4',
};
for (const [name, path] of Object.entries(paths)) {
  const log = logs.open(owner(name), 'stdout', fileplan(path, { maxBytes: 5, backups: 1 }));
  if (log.path !== null) problems.push(`${name} has a path`);
  log.write(Buffer.from(`\u001b[31mto ${name}\n`));
  if (name === 'stdout') log.write(Buffer.from('prompt'));
}
if (logs.reopenAll().length > 0) problems.push('reopen');
if (!(await logs.flushAll(2000))) problems.push('not flushed');
logs.closeAll();
if (problems.length > 0) console.error(problems);
process.exit(problems.length);
