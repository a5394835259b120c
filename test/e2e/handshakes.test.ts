// Handshakes on Node's own handles.
import { describeHandshakes } from './handshake-cases.ts';

describeHandshakes('handles');
