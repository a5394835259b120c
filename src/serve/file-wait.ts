// Stands in for the answer's maker while the file system is asked.
import type { Exchange, Source } from '../exchange.ts';

export class FileWait implements Source {
  readonly survivesHalfClose = true;
  readonly isPrompt = true;
  gone = false;
  onDrain(): void {}
  onGone(): void {
    this.gone = true;
  }
}

export function waitForFile(exchange: Exchange): FileWait {
  const waiting = new FileWait();
  exchange.setMaker(waiting);
  return waiting;
}
