// gzip, and the Vary that speaks of all codings.
import type { Settings } from '../../config/model.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import { PASS, VARIES } from '../../exchange/slots.ts';
import type { Feature } from '../feature.ts';
import { createCompressFilter } from './compress-filter.ts';
import { GzipLink } from './gzip-link.ts';
import { oneCallGzip } from './one-call.ts';
import { GzipPolicy } from './policy.ts';

export const GZIP: Feature = {
  name: 'gzip',
  filter: ({ settings }) => {
    if (!settings.gzip) return null;
    const policy = new GzipPolicy(settings);
    const memory = {
      level: settings.gzipCompLevel,
      windowBits: settings.gzipWindow,
      memLevel: settings.gzipHash,
    };
    const whole = oneCallGzip(memory);
    return createCompressFilter({
      coding: 'gzip',
      types: settings.gzipTypes,
      minLength: settings.gzipMinLength,
      accepts: (x, head) => policy.allows(x, head),
      join: (x, next) => new GzipLink(x, next, memory, whole),
    });
  },
};

export const GZIP_STATIC: Feature = {
  name: 'gzip_static',
  content: ({ settings, precompressed }) => {
    const { gzipStatic, gzipVary } = settings;
    if (gzipStatic === 'off') return null;
    const policy = new GzipPolicy(settings);
    const accepts = gzipStatic === 'always' ? null : (x: Exchange): boolean => policy.allows(x, null);
    return precompressed({ suffix: '.gz', coding: 'gzip', accepts, vary: gzipVary });
  },
};

/** Behind all that set VARIES. */
export const VARY: Feature = {
  name: 'gzip_vary',
  filter: ({ settings }) =>
    !settings.gzipVary || !mayVary(settings)
      ? null
      : {
          slot: 'gzip',
          head(x, head) {
            if ((x.coding & VARIES) !== 0) head.varies = true;
            return PASS;
          },
        },
};

function mayVary(settings: Settings): boolean {
  const { gzip, gunzip, brotli, zstd, gzipStatic, brotliStatic, zstdStatic } = settings;
  return (
    gzip || gunzip || brotli || zstd || [gzipStatic, brotliStatic, zstdStatic].some((mode) => mode !== 'off')
  );
}
