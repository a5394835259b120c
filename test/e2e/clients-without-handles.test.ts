// Clients that stall, leave and do not read, where Node does not give its handles.
import { vi } from 'vitest';

vi.mock('../../src/socket/node-handles.ts', () => ({
  END_OF_FILE: -4095,
  handles: null,
  acceptHandles: () => false,
  tlsHandles: () => null,
}));

await import('./client-abort.test.ts');
await import('./client-stall.test.ts');
await import('./client-not-reading.test.ts');
await import('./tunnel-abort.test.ts');
