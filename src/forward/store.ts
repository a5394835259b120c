// proxy_store and its kin: answers with status 200 become files of a site. Written beside their place; the name shows them once they are whole.
import fs from 'node:fs';
import { dirname } from 'node:path';
import { parseHttpDate } from '../answer/http-date.ts';
import type { Exchange, Handler } from '../exchange/exchange.ts';
import type { ResponseHead } from '../http/response-head.ts';
import { compileTemplate } from '../route/template.ts';
import type { AnswerTap } from './answer-tap.ts';
import type { FamilyKeys } from './family/rows.ts';
import { Forward } from './forward.ts';
import type { ForwardOptions } from './forward-options.ts';
import type { ForwardTools } from './forward-tools.ts';

interface StoreOptions {
  /** Bytes as latin1; '' = it is not stored. */
  readonly pathOf: (x: Exchange) => string;
  readonly mode: number;
}

export function createStoring(
  options: ForwardOptions,
  { Store, StoreAccess: mode }: FamilyKeys,
  { lookup }: ForwardTools,
): Handler {
  const pathOf =
    Store === 'on' ? (x: Exchange) => x.location.files?.path(x) ?? '' : compileTemplate(Store, lookup);
  return (x) => new Forward(x, options, new StoreTap(x, options, { pathOf, mode })).begin();
}

let made = 0;

class StoreTap implements AnswerTap {
  readonly #x: Exchange;
  readonly #options: ForwardOptions;
  readonly #store: StoreOptions;
  #path: Buffer | null = null;
  #own: Buffer | null = null;
  #fd = -1;
  #mtime = -1;
  /** Bytes that are still to come; -1 = it is not known. */
  #leftBytes = -1;
  #isOver = false;

  constructor(x: Exchange, options: ForwardOptions, store: StoreOptions) {
    this.#x = x;
    this.#options = options;
    this.#store = store;
  }

  get outlives(): boolean {
    return !this.#isOver;
  }

  takes(): boolean {
    return false;
  }

  rescues(): boolean {
    return false;
  }

  answer(): void {}

  gaveUp(): void {}

  intercepted(): void {}

  seek(): null {
    return null;
  }

  begin(head: ResponseHead, buffered: boolean): void {
    // A HEAD that announces nothing would leave an empty file for those who want the body.
    const isBodyless = this.#x.method === 'HEAD' && head.contentLength !== 0;
    const isStored = head.status === 200 && buffered && !isBodyless;
    const path = isStored ? this.#store.pathOf(this.#x) : '';
    if (path === '' || path.includes('\0')) {
      this.#isOver = true;
      return;
    }
    this.#path = Buffer.from(path, 'latin1');
    this.#own = Buffer.from(`${path}.${process.pid}.${++made}.new`, 'latin1');
    this.#leftBytes = head.contentLength;
    const modified = head.get('last-modified');
    this.#mtime = modified === undefined ? -1 : parseHttpDate(modified);
    this.#try(() => this.#open());
  }

  #open(): void {
    const { mode } = this.#store;
    const own = this.#own;
    if (own === null) return;
    const directory = dirname(own.latin1Slice());
    // Whoever may read the files may look into their directories.
    const reach = mode | ((mode & 0o444) >> 2);
    makeDirectories(directory, reach);
    this.#fd = fs.openSync(own, 'wx', mode);
    fs.fchmodSync(this.#fd, mode);
  }

  write(buf: Buffer, from: number, to: number): void {
    if (this.#fd < 0) return;
    if (this.#leftBytes >= 0) this.#leftBytes -= to - from;
    this.#try(() => {
      for (let at = from; at < to; ) at += fs.writeSync(this.#fd, buf, at, to - at);
    });
  }

  end(isWhole: boolean): void {
    this.#isOver = true;
    const fd = this.#fd;
    const [path, own] = [this.#path, this.#own];
    if (fd < 0 || path === null || own === null) return;
    this.#try(() => {
      const mtime = this.#mtime;
      if (mtime >= 0) fs.futimesSync(fd, mtime, mtime);
      this.#fd = -1;
      fs.closeSync(fd);
      // What a HEAD announces does not come.
      if (isWhole && this.#leftBytes <= 0) fs.renameSync(own, path);
      else fs.unlinkSync(own);
    });
  }

  #try(work: () => void): void {
    try {
      work();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#options.log.note(this.#x, 'error', `the answer cannot be stored: ${message}`);
      this.#drop();
    }
  }

  #drop(): void {
    this.#isOver = true;
    const own = this.#own;
    if (this.#fd >= 0) fs.closeSync(this.#fd);
    this.#fd = -1;
    this.#own = null;
    if (own !== null) fs.rm(own, { force: true }, () => {});
  }
}

function makeDirectories(path: string, mode: number): void {
  const bytes = Buffer.from(path, 'latin1');
  if (fs.existsSync(bytes)) return;
  makeDirectories(dirname(path), mode);
  try {
    fs.mkdirSync(bytes, { mode });
  } catch (error) {
    // Another acceptor makes the same one just now.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
