// Reads the main file, what it includes, or a folder of fragments, into one document.
import { readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { textOf } from '../../config/file-text.ts';
import { glob } from '../../config/glob.ts';
import type { Position } from '../../config/tree.ts';
import { readFileWithin } from '../../shared/read-file.ts';
import { expand, Names, type Report } from './context.ts';
import { type Entry, IniDocument, placeOfPiece, type Section } from './document.ts';
import { checkRepeated } from './line-doubts.ts';
import { parseIni } from './parse.ts';
import { splitOnSpace, withUnixLines } from './py-text.ts';

const MAX_BYTES = 16 << 20;
/** Files that one configuration may have. */
const MAX_FILES = 10_000;

export interface ReadFiles {
  readonly document: IniDocument;
  /** The folder of the main file, or the one of the fragments. */
  readonly here: string;
  readonly sources: ReadonlyMap<string, string>;
}

export interface FilesContext {
  readonly report: Report;
  readonly cwd: string;
  readonly env: Names;
  readonly hostNodeName: string;
}

export function readFiles(path: string, cx: FilesContext): ReadFiles {
  const main = resolve(cx.cwd, path);
  return new FileReader(main, cx).read();
}

class FileReader {
  readonly #main: string;
  readonly #cx: FilesContext;
  readonly #document = new IniDocument();
  readonly #sources = new Map<string, string>();

  constructor(main: string, cx: FilesContext) {
    this.#main = main;
    this.#cx = cx;
  }

  read(): ReadFiles {
    if (isFolder(this.#main)) return this.#readFolder();
    const here = dirname(this.#main);
    const why = this.#parse(this.#main);
    if (why !== undefined) this.#cx.report.error(startOf(this.#main), `it cannot be read: ${why}`);
    const include = this.#document.sections.get('include');
    if (include !== undefined) this.#include(include, here);
    return { document: this.#document, here, sources: this.#sources };
  }

  /** As if an empty main file in the folder included all of them. */
  #readFolder(): ReadFiles {
    const here = this.#main;
    const names = this.#namesIn(here).filter((name) => /\.(?:conf|ini)$/.test(name) && !name.startsWith('.'));
    const files = names.map((name) => join(here, name)).filter((file) => !isFolder(file));
    if (files.length === 0)
      this.#cx.report.error(
        startOf(here),
        'the folder has no file *.conf or *.ini: name a file, or another folder',
      );
    this.#readAll(files.sort(byBytes), startOf(here));
    this.#noteNested(undefined);
    return { document: this.#document, here, sources: this.#sources };
  }

  #namesIn(folder: string): readonly string[] {
    try {
      return readdirSync(folder);
    } catch (error) {
      this.#cx.report.error(startOf(folder), `the folder cannot be read: ${whyUnreadable(error)}`);
      return [];
    }
  }

  #include(include: Section, here: string): void {
    this.#document.replaceHere(here);
    const entry = this.#document.get(include, 'files');
    if (entry === undefined) {
      this.#cx.report.error(include.at, '[include] has no files: write files=conf.d/*.conf');
      return;
    }
    const names = new Names(this.#cx.env, { here, host_node_name: this.#cx.hostNodeName });
    const done = expand(entry.value, names);
    if ('problem' in done) {
      this.#cx.report.error(placeOfPiece(entry, '%'), `files of [include]: ${done.problem}`);
      return;
    }
    for (const pattern of splitOnSpace(done.text)) this.#includeAll(pattern, here, entry);
    this.#noteNested(entry);
  }

  #includeAll(pattern: string, here: string, entry: Entry): void {
    const at = placeOfPiece(entry, pattern);
    const files = glob(here, pattern, MAX_FILES);
    if (files === undefined) {
      this.#cx.report.error(at, `"${pattern}" matches more than ${MAX_FILES} files: name fewer`);
      return;
    }
    if (files.length > 0) {
      this.#readAll(files, at);
      return;
    }
    const why = pattern.includes(',')
      ? 'names are separated by blanks, not by commas'
      : pattern.startsWith('/')
        ? 'add one, or correct the path'
        : `it is looked for from the folder of this file, ${here}`;
    this.#cx.report.warn(at, `no file matches "${pattern}": ${why}`);
  }

  /** A file that cannot be read is left out, as in Supervisor. */
  #readAll(files: readonly string[], at: Position): void {
    for (const file of files) {
      if (isFolder(file)) continue;
      const why = this.#parse(file);
      if (why === undefined) this.#document.replaceHere(dirname(file));
      else this.#cx.report.warn(at, `${file} cannot be read and is left out: ${why}`);
    }
  }

  /** Reports what is wrong in the file; returns why it cannot be read at all. */
  #parse(file: string): string | undefined {
    let bytes: Buffer;
    try {
      bytes = readFileWithin(file, { maxBytes: MAX_BYTES });
    } catch (error) {
      return whyUnreadable(error);
    }
    const text = this.#decode(bytes, file);
    if (text === undefined) return undefined;
    this.#sources.set(file, text);
    parseIni(text, file, this.#document, {
      problems: this.#cx.report,
      notes: { repeated: (section, before, now) => checkRepeated(this.#cx.report, section, before, now) },
    });
    return undefined;
  }

  #decode(bytes: Buffer, file: string): string | undefined {
    try {
      textOf(bytes, file);
    } catch (error) {
      this.#cx.report.error(startOf(file), whyUnreadable(error));
      return undefined;
    }
    try {
      return withUnixLines(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
    } catch {
      const lines = withUnixLines(bytes.toString('utf8')).split('\n');
      const line = lines.findIndex((one) => one.includes('\uFFFD'));
      this.#sources.set(file, lines.join('\n'));
      this.#cx.report.error(
        { file, line: line + 1, column: lines[line].indexOf('\uFFFD') + 1 },
        `a byte here is no UTF-8: save the file as UTF-8, or convert it: iconv -f latin1 -t UTF-8 ${file}`,
      );
      return undefined;
    }
  }

  /** Supervisor follows no include of an included file. */
  #noteNested(first: Entry | undefined): void {
    const entry = this.#document.sections.get('include')?.entries.get('files');
    if (entry === undefined || entry.at === first?.at) return;
    this.#cx.report.warn(
      entry.at,
      'an [include] in a file that was itself included has no effect: list these files in the main file',
    );
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function startOf(file: string): Position {
  return { file, line: 1, column: 1 };
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function whyUnreadable(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such file: check the path';
  if (code === 'EACCES') return 'its permissions do not allow it: check its owner and mode';
  return message;
}
