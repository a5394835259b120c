// The order of the test files: those that take longest begin first, so that none of them is left to run alone at the end. A machine
// that has run them before knows their times; a fresh one knows only their sizes, which tell little.
import { join, relative } from 'node:path';
import { BaseSequencer, type TestSpecification, type Vitest } from 'vitest/node';

/** Those of 25 seconds and more on two cores, the longest first. */
const LONG = [
  'supervise/parity/files',
  'stacks/stacks',
  'e2e/clients-without-handles',
  'fuzz/kept',
  'config/growth/growth',
  'supervise/parity/control',
  'answer/makers',
  'e2e/readiness',
  'config/odd-values',
  'e2e/hold',
  'nginx/buffering',
  'e2e/signals',
  'e2e/big-transfer',
  'cli/ctl/as-supervisorctl',
  'e2e/slow-clients',
  'socket/contract',
  'nginx/order',
  'e2e/killed-processes',
  'bench/counts',
  'e2e/standing-reader',
  'e2e/tornado',
  'e2e/rotation',
  'e2e/classic-supervisor',
  'e2e/acceptor-garbage',
  'e2e/malformed-requests',
  'e2e/signal-moments',
  'cli/test-config',
  'e2e/faulty-peers',
  'e2e/pool-endings',
  'e2e/kill-acceptor',
  'e2e/reload-under-load',
  'observe/terminal-line',
  'supervise/parity/scenario',
  'e2e/client-not-reading',
  'e2e/soak',
  'e2e/drain',
  'nginx/limit-req',
];

export class LongFirst extends BaseSequencer {
  readonly #tests: string;

  constructor(vitest: Vitest) {
    super(vitest);
    this.#tests = join(vitest.config.root, 'test');
  }

  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const place = ({ moduleId }: TestSpecification): number => {
      const at = LONG.indexOf(relative(this.#tests, moduleId).replace(/\.test\.ts$/, ''));
      return at === -1 ? LONG.length : at;
    };
    return sorted.sort((a, b) => place(a) - place(b));
  }
}
