// What the heads of requests and answers have in common: their fields, what these say of framing and of the connection, and that one that
// came before may be kept (known-heads.ts).
import { Fields } from './fields.ts';
import type { ConnectionNames, ConnectionOptions } from './framing.ts';

export class MessageHead extends Fields implements ConnectionOptions {
  /** 0 for HTTP/1.0, 1 for HTTP/1.1. */
  minor: 0 | 1 = 1;
  /** Declared length of the body; -1 when the message has no Content-Length. */
  contentLength = -1;
  chunked = false;
  close = false;
  keepAlive = false;
  upgradeRequested = false;
  optionCount = 0;
  /** Lower-case names that Connection lists, besides the options above. */
  connectionNames: ConnectionNames | null = null;
  /** Index of the Upgrade field, -1 without. */
  upgradeAt = -1;
  /** Length in bytes; of a request that is kept, of its fields alone. */
  size = 0;
  /** Of one that is kept: what of its fields goes on, and whose rules these were. */
  copied = '';
  copiedFor: object | null = null;

  /** Before it is read into: nothing is known of it. */
  protected resetFields(): void {
    this.ownTables();
    this.count = 0;
    this.hasUnusual = false;
    this.contentLength = -1;
    this.chunked = false;
    this.close = false;
    this.keepAlive = false;
    this.upgradeRequested = false;
    this.optionCount = 0;
    this.connectionNames = null;
    this.upgradeAt = -1;
  }

  /** What the fields of another one say: these are equal to its own. */
  protected takeMeaning(from: MessageHead): void {
    this.contentLength = from.contentLength;
    this.chunked = from.chunked;
    this.close = from.close;
    this.keepAlive = from.keepAlive;
    this.upgradeRequested = from.upgradeRequested;
    this.optionCount = from.optionCount;
    this.connectionNames = from.connectionNames;
    this.upgradeAt = from.upgradeAt;
  }
}
