// Why a head was refused, and which limit it was over, as the configuration names it.
import type { RequestHead } from '../http/request-head.ts';
import type { Front } from './front.ts';

export function refusalOf(problem: RequestHead['problem'], front: Front): string {
  return `the request is not valid HTTP: ${problem}${limitOf(problem, front)}`;
}

function limitOf(problem: RequestHead['problem'], { headLimits, headTimeoutMs }: Front): string {
  switch (problem) {
    case 'request line too long':
    case 'field line too long':
      return ` (large_client_header_buffers: lines of ${headLimits.maxLine} bytes)`;
    case 'head too large':
      return ` (large_client_header_buffers: ${headLimits.maxHead} bytes in all)`;
    case 'too many fields':
      return ` (max_headers ${headLimits.maxFields})`;
    case 'head not complete in time':
      return ` (client_header_timeout ${headTimeoutMs} ms)`;
    default:
      return '';
  }
}
