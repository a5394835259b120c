#!/usr/bin/env node
// The command: checks the Node version before anything is loaded that needs it.
import { plainStart } from './cli/plain-start.ts';
import { useCodeCache } from './shared/code-cache.ts';

const [major, minor] = process.versions.node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 12)) {
  process.stderr.write(
    `lbproxy needs Node 22.12 or newer; this is ${process.versions.node}. In a checkout, npm scripts use the Node of node_modules/.bin.\n`,
  );
  process.exitCode = 1;
} else {
  // While the rest is loading they would end the process, or wake the debugger. What they ask for then holds anyway.
  for (const signal of ['SIGHUP', 'SIGUSR1']) process.on(signal, () => {});
  useCodeCache();
  const args = process.argv.slice(2);
  // The face of nginx: by the name that it is called by, as busybox has it, or by the flag.
  const isNginx = /(?:^|[\\/])nginx$/.test(process.argv[1] ?? '') || args[0] === '--as-nginx';
  const plain = isNginx ? null : plainStart(args);
  const run = isNginx
    ? import('./cli/nginx/run-nginx.ts').then(({ runNginx }) => runNginx(args))
    : plain !== null
      ? import('./cli/serving.ts').then(({ startServing }) => startServing(plain))
      : import('./cli/run-cli.ts').then(({ runCli }) => runCli(args));
  void run.then((code) => {
    process.exitCode = code;
  });
}
