// Handshakes where Node does not give its handles.
import { vi } from 'vitest';
import { describeHandshakes } from './handshake-cases.ts';

vi.mock('../../src/socket/node-handles.ts', () => ({
  END_OF_FILE: -4095,
  handles: null,
  acceptHandles: () => false,
  tlsHandles: () => null,
}));

describeHandshakes('public sockets');
