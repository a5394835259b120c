// The beginning of a body as people read it: decoded, as text where it is that.
import { nodeZlib } from '../shared/node-parts.ts';
import { SHOWN_BYTES } from './record.ts';

export interface ShownBody {
  /** Of all of it. */
  readonly length: number;
  readonly text: string;
  /** 'text', 'hex' where it is none, 'none' where there is nothing to show. */
  readonly form: 'text' | 'hex' | 'none';
  /** There is more than is shown. */
  readonly isCut: boolean;
  /** The Content-Encoding that was taken off; '' without. */
  readonly decoded: string;
}

/** What decoded bytes may come to: a kilobyte of zeros compresses well. */
const MAX_DECODED_BYTES = 65_536;
const HEX_BYTES = 256;

/** `bytes` is its beginning, as it passed; `length` how long it is. */
export function shownBody(head: string, bytes: Buffer, length: number): ShownBody {
  if (bytes.length === 0) return { length, text: '', form: 'none', isCut: length > 0, decoded: '' };
  const coding = /^content-encoding: *(\S+)/im.exec(head)?.[1].toLowerCase() ?? '';
  const plain = coding === '' ? null : decode(bytes, coding);
  const source = plain ?? bytes;
  const shown = source.subarray(0, SHOWN_BYTES);
  const isCut = shown.length < source.length || bytes.length < length;
  const decoded = plain === null ? '' : coding;
  const text = readableText(shown, isCut);
  if (text !== null) return { length, text, form: 'text', isCut, decoded };
  return { length, text: shown.subarray(0, HEX_BYTES).toString('hex'), form: 'hex', isCut, decoded };
}

/** Null where it cannot be read. A beginning alone is enough. */
function decode(bytes: Buffer, coding: string): Buffer | null {
  const maxOutputLength = MAX_DECODED_BYTES;
  const zlib = nodeZlib();
  const { Z_SYNC_FLUSH, BROTLI_OPERATION_FLUSH } = zlib.constants;
  try {
    if (coding === 'gzip' || coding === 'x-gzip')
      return zlib.gunzipSync(bytes, { finishFlush: Z_SYNC_FLUSH, maxOutputLength });
    if (coding === 'deflate') return zlib.inflateSync(bytes, { finishFlush: Z_SYNC_FLUSH, maxOutputLength });
    if (coding === 'br')
      return zlib.brotliDecompressSync(bytes, { finishFlush: BROTLI_OPERATION_FLUSH, maxOutputLength });
    return null;
  } catch {
    return null;
  }
}

/** Null for what is no text. A character that the end cuts in two is left out. */
function readableText(bytes: Buffer, isCut: boolean): string | null {
  for (let less = 0; less < (isCut ? 4 : 1) && less < bytes.length; less++) {
    try {
      const text = STRICT.decode(bytes.subarray(0, bytes.length - less));
      return CONTROL.test(text) ? null : text;
    } catch {
      // The last character may be cut.
    }
  }
  return null;
}

const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const CONTROL = /[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f]/;
