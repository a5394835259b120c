// What is said where a file or a directory cannot be sent.
import type { Exchange, Fail } from '../exchange/exchange.ts';
import type { FileProblem } from './open-file.ts';

export interface RefusalOptions {
  readonly logNotFound: boolean;
  readonly fail: Fail;
  /** Notes a refusal or failure for the error log. */
  readonly report: (exchange: Exchange, message: string) => void;
}

export function refuse(options: RefusalOptions, exchange: Exchange, { status, message }: FileProblem): void {
  if (status !== 404 || options.logNotFound) options.report(exchange, message);
  options.fail(exchange, status, message);
}
