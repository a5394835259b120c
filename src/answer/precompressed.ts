// A file that stands compressed beside another: what a location is told of such files by gzip_static and its like.
import type { Exchange } from '../exchange/exchange.ts';

export interface Precompressed {
  /** Of its name: `.gz`. */
  readonly suffix: string;
  /** As Content-Encoding names it. */
  readonly coding: string;
  /** Whether this client takes it; null = it is sent to all. */
  readonly accepts: ((x: Exchange) => boolean) | null;
  /** It is looked for even where the client does not take it: that it exists is in Vary. */
  readonly vary: boolean;
}
