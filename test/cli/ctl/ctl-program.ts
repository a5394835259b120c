// `lbproxy ctl` as a program of its own, for tests that need a terminal or signals.
import { runCtl } from '../../../src/cli/ctl/main.ts';

process.exitCode = await runCtl(process.argv.slice(2), process, {
  ownConfig: () => undefined,
  controlSocketOf: () => Promise.resolve(null),
});
