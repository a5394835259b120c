// Who stands beside an exchange's forwarding and takes a copy of the answer: a cache, or a store of files. It may answer in the peer's
// place, and may want the answer when the client does not any more.
import type { Seekable } from '../http/answer-head.ts';
import type { ResponseHead } from '../http/response-head.ts';
import type { Failure } from '../shared/failure.ts';

export interface AnswerTap {
  /** The answer is wanted whatever the client does. */
  readonly outlives: boolean;
  /** A peer's head that goes to nobody else. True: `answer` answers in its place. */
  takes(head: ResponseHead): boolean;
  /** No further attempt follows this failure. True: `answer` answers all the same. */
  rescues(failure: Failure): boolean;
  /** After `takes` or `rescues` said so. */
  answer(): void;
  /** The client gets this status of a failure. */
  gaveUp(status: number): void;
  /** error_page has something for the peer's status. */
  intercepted(status: number): void;
  /** What may be made of the answer besides the whole; null = the peer's word holds. */
  seek(head: ResponseHead, length: number): Seekable | null;
  /** The answer begins; `buffered`: a slow client does not hold it up. */
  begin(head: ResponseHead, buffered: boolean): void;
  /** A piece of the body, lent. */
  write(buf: Buffer, from: number, to: number): void;
  /** The answer is over, or nobody will get more of it; once or more often. */
  end(isWhole: boolean): void;
}
