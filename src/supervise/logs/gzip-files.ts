// Gzips rotated files in the background, one at a time in all, off the event loop (zlib works in Node's thread pool).
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { nodeZlib } from '../../shared/node-parts.ts';
import type { PathWriter } from './path-writer.ts';
import { rotatedFiles, tidyFiles, trimFiles, unfinishedName } from './rotated-files.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
const QUIET_MS = 60_000;
const READ_BYTES = 256 * 1024;

export class GzipFiles {
  readonly #report: (message: string) => void;
  readonly #done: (writer: PathWriter) => void;
  readonly #waiting = new Set<PathWriter>();
  #current: PathWriter | null = null;
  #toldAt = Number.NEGATIVE_INFINITY;
  #abort = new AbortController();

  /** `done` hears when nothing of a writer is being gzipped any more. */
  constructor(report: (message: string) => void, done: (writer: PathWriter) => void) {
    this.#report = report;
    this.#done = done;
  }

  /** All rotated files of the path that are not gzipped yet are to be. */
  add(writer: PathWriter): void {
    this.#waiting.add(writer);
    if (this.#current === null) void this.#work();
  }

  isBusyWith(writer: PathWriter): boolean {
    return this.#current === writer || this.#waiting.has(writer);
  }

  /** What is being gzipped stays as it was. */
  close(): void {
    this.#waiting.clear();
    this.#abort.abort();
    this.#abort = new AbortController();
  }

  async #work(): Promise<void> {
    for (let [writer] = this.#waiting; writer !== undefined; [writer] = this.#waiting) {
      this.#waiting.delete(writer);
      this.#current = writer;
      try {
        await this.#gzipAll(writer, this.#abort.signal);
      } catch (error) {
        if ((error as Error).name !== 'AbortError') this.#tell(writer, error as Error);
      }
      this.#current = null;
      this.#done(writer);
    }
  }

  #tell(writer: PathWriter, error: Error): void {
    const now = performance.now();
    if (now - this.#toldAt < QUIET_MS) return;
    this.#toldAt = now;
    const { key } = writer.place;
    this.#report(
      `log "${key}": a rotated file was not gzipped: ${error.message}; it is tried again after the next rotation`,
    );
  }

  async #gzipAll(writer: PathWriter, signal: AbortSignal): Promise<void> {
    const path = writer.place.key;
    await writer.exclusively(async () => void (await tidyFiles(path)));
    for (;;) {
      const plain = (await rotatedFiles(path)).findLast((file) => !file.gzipped);
      if (plain === undefined || signal.aborted) return;
      const source = await compress(plain.path, unfinishedName(path), signal);
      if (source !== null) await writer.exclusively(() => putInPlace(writer, source));
    }
  }
}

/** Its contents gzipped into `to`, on the disk; what the source was. Null when it is gone already. */
async function compress(from: string, to: string, signal: AbortSignal): Promise<Stats | null> {
  let source: FileHandle;
  try {
    source = await open(from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    const stats = await source.stat();
    if (!stats.isFile()) throw new Error(`${from} is no regular file`);
    await writeGzipped(source, stats, to, signal);
    return stats;
  } catch (error) {
    await rm(to, { force: true });
    throw error;
  } finally {
    await source.close();
  }
}

async function writeGzipped(
  source: FileHandle,
  stats: Stats,
  to: string,
  signal: AbortSignal,
): Promise<void> {
  const target = await open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    await pipeline(
      source.createReadStream({ autoClose: false, highWaterMark: READ_BYTES }),
      nodeZlib().createGzip(),
      async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of chunks) await writeAll(target, chunk);
      },
      { signal },
    );
    // Before the name of the original goes, so that a power failure leaves one of them whole.
    await target.sync();
    await target.utimes(stats.atime, stats.mtime);
    await target.chmod(stats.mode & 0o7777);
  } finally {
    await target.close();
  }
}

async function writeAll(target: FileHandle, chunk: Buffer): Promise<void> {
  for (let done = 0; done < chunk.length; )
    done += (await target.write(chunk, done, chunk.length - done)).bytesWritten;
}

/** It may have got another number meanwhile, or be one too many. */
async function putInPlace(writer: PathWriter, source: Stats): Promise<void> {
  const path = writer.place.key;
  for (const file of await rotatedFiles(path)) {
    const now = file.gzipped ? null : await stat(file.path).catch(() => null);
    if (now?.ino !== source.ino || now.dev !== source.dev) continue;
    await rename(unfinishedName(path), `${file.path}.gz`);
    await rm(file.path, { force: true });
    if (writer.rotation.totalBytes > 0) await trimFiles(path, writer.rotation.totalBytes);
    return;
  }
  await rm(unfinishedName(path), { force: true });
}
