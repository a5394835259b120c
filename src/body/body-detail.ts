// Why a request's body was refused, with the limit that it was over.
import type { Exchange } from '../exchange/exchange.ts';
import type { Failure } from '../shared/failure.ts';

export function bodyDetail(failure: Failure, { location }: Exchange): string {
  switch (failure) {
    case 'client_body_too_large':
      return `the body is larger than client_max_body_size (${location.client.maxBodyBytes} bytes)`;
    case 'client_body_timeout':
      return `the rest of the body did not come within client_body_timeout (${location.client.bodyTimeoutMs} ms)`;
    case 'client_body_malformed':
      return 'the chunked body is not valid';
    default:
      return '';
  }
}
