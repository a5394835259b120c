#!/usr/bin/env node
// The command: checks the Node version before anything is loaded that needs it.
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 12)) {
  process.stderr.write(
    `lbproxy needs Node 22.12 or newer; this is ${process.versions.node}. In a checkout, npm scripts use the Node of node_modules/.bin.\n`,
  );
  process.exitCode = 1;
} else {
  const { runCli } = await import('./cli/run-cli.ts');
  process.exitCode = await runCli(process.argv.slice(2));
}

export {};
