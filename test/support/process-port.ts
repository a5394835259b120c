// A supervised process as a test tells of it: up and warm unless it says otherwise.
import type { ProcessPort } from '../../src/balance/process-port.ts';

export function processPort(port: number, own: Partial<ProcessPort>): ProcessPort {
  return {
    port,
    name: `web:web${port}`,
    up: true,
    coming: false,
    upSinceMs: 1,
    slowStartMs: 0,
    condition: own.up === false ? 'starting' : 'serves',
    conditionSinceMs: 0,
    trouble: '',
    ...own,
  };
}
