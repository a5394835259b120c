// Certificates whose paths hold variables: read at each handshake, as nginx does, unless ssl_certificate_cache keeps them. What was made of
// them is kept as long as the files are the same, as that takes longer than to look.
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { SecureContext } from 'node:tls';
import type { Exchange } from '../../exchange/exchange.ts';
import { readFileWithin } from '../../shared/read-file.ts';
import type { Pair } from './context-options.ts';
import type { CertificateKeeping } from './rows.ts';

/** Contexts that are kept of a server without ssl_certificate_cache; names come from clients. */
const MAX_CONTEXTS = 64;
/** A chain and a key have a few kilobytes. */
const MAX_BYTES = 1 << 20;

/** Where one certificate and its key are, as requests say it. */
export interface PairTemplate {
  certificate(x: Exchange): string;
  key(x: Exchange): string;
}

interface Kept {
  readonly context: SecureContext;
  /** What the files were like when they were read. */
  readonly state: string;
  /** Until when they are not looked at again, and by when it must have been used to stay. */
  readonly validUntil: number;
  usedUntil: number;
}

export interface RequestPairsOptions {
  readonly templates: readonly PairTemplate[];
  readonly prefix: string;
  readonly keeping: CertificateKeeping | null;
  readonly create: (pairs: readonly Pair[]) => SecureContext;
}

export class RequestPairs {
  readonly #options: RequestPairsOptions;
  readonly #kept = new Map<string, Kept>();
  readonly #max: number;

  constructor(options: RequestPairsOptions) {
    this.#options = options;
    const { keeping, templates } = options;
    // nginx counts files.
    this.#max =
      keeping === null ? MAX_CONTEXTS : Math.max(1, Math.floor(keeping.max / (2 * templates.length)));
  }

  /** Throws why there is none. */
  contextFor(x: Exchange, nowMs = Date.now()): SecureContext {
    const { templates, create, keeping } = this.#options;
    const places = templates.map((each) => [this.#placeOf(each.certificate(x)), this.#placeOf(each.key(x))]);
    const id = places.flat().join('\0');
    const known = this.#known(id, nowMs);
    if (known !== undefined && known.validUntil > nowMs) return known.context;
    const state = places.flat().map(stateOf).join();
    const context =
      known?.state === state
        ? known.context
        : create(
            places.map(([certificate, key]) => ({
              certificate: contentOf(certificate),
              key: contentOf(key),
            })),
          );
    this.#keep(id, {
      context,
      state,
      validUntil: keeping === null ? 0 : nowMs + keeping.validMs,
      usedUntil: keeping === null ? Number.POSITIVE_INFINITY : nowMs + keeping.inactiveMs,
    });
    return context;
  }

  #known(id: string, nowMs: number): Kept | undefined {
    const known = this.#kept.get(id);
    const { keeping } = this.#options;
    if (known === undefined || known.usedUntil < nowMs) return undefined;
    if (keeping === null) return known;
    known.usedUntil = nowMs + keeping.inactiveMs;
    // The last to give way.
    this.#kept.delete(id);
    this.#kept.set(id, known);
    return known;
  }

  #keep(id: string, kept: Kept): void {
    this.#kept.delete(id);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= this.#max && oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.set(id, kept);
  }

  #placeOf(text: string): string {
    return text.startsWith('data:') ? text : resolve(this.#options.prefix, text);
  }
}

function stateOf(place: string): string {
  if (place.startsWith('data:')) return '';
  const { ino, size, mtimeMs } = statSync(place);
  return `${ino} ${size} ${mtimeMs}`;
}

function contentOf(place: string): string {
  if (place.startsWith('data:')) return place.slice('data:'.length);
  return readFileWithin(place, { maxBytes: MAX_BYTES }).toString('latin1');
}
