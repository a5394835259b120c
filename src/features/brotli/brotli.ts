// brotli and zstd: as gzip, for clients that take them; and the files that stand compressed beside others.
import type { Settings } from '../../config/model.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import { CODING_OK, CODING_TESTED } from '../../exchange/slots.ts';
import { nodeZlib } from '../../shared/node-parts.ts';
import type { Feature } from '../feature.ts';
import { acceptsCoding } from '../gzip/accepts.ts';
import { type Codec, CodecLink } from '../gzip/codec-link.ts';
import { createCompressFilter } from '../gzip/compress-filter.ts';
import type { Coding } from './rows.ts';

/** How each is called in fields and file names. */
const NAMES = { brotli: ['br', '.br'], zstd: ['zstd', '.zst'] } as const;

export const BROTLI: Feature = featureOf('brotli', brotliCodec);
export const ZSTD: Feature = featureOf('zstd', zstdCodec);

function featureOf(coding: Coding, codecOf: (settings: Settings, report: Codec['report']) => Codec): Feature {
  const [token, suffix] = NAMES[coding];
  const accepts = (x: Exchange): boolean =>
    !x.isSub && acceptsCoding(x.request.get('accept-encoding') ?? '', token);
  return {
    name: coding,
    filter: ({ settings, report }) => {
      if (!settings[coding]) return null;
      const codec = codecOf(settings, (x, message) => report(x, 'error', `${coding}: ${message}`));
      return createCompressFilter({
        coding: token,
        types: settings[`${coding}Types`],
        minLength: settings[`${coding}MinLength`],
        accepts(x) {
          if (!accepts(x)) return false;
          // gzip need not be asked any more.
          x.coding = (x.coding | CODING_TESTED) & ~CODING_OK;
          return true;
        },
        join: (x, next) => new CodecLink(x, next, codec),
      });
    },
    content: ({ settings, precompressed }) => {
      const mode = settings[`${coding}Static`];
      if (mode === 'off') return null;
      const taken = mode === 'always' ? null : accepts;
      return precompressed({ suffix, coding: token, accepts: taken, vary: settings.gzipVary });
    },
  };
}

function brotliCodec(settings: Settings, report: Codec['report']): Codec {
  const params = {
    [nodeZlib().constants.BROTLI_PARAM_QUALITY]: settings.brotliCompLevel,
    [nodeZlib().constants.BROTLI_PARAM_LGWIN]: settings.brotliWindow,
  };
  return {
    create: () => nodeZlib().createBrotliCompress({ params }),
    whole: (input) =>
      nodeZlib().brotliCompressSync(input, {
        params: { ...params, [nodeZlib().constants.BROTLI_PARAM_SIZE_HINT]: input.length },
      }),
    decodes: false,
    report,
  };
}

/** Only where the row was let pass: Node has it. */
function zstdCodec(settings: Settings, report: Codec['report']): Codec {
  const params = { [nodeZlib().constants.ZSTD_c_compressionLevel]: settings.zstdCompLevel };
  return {
    create: () => nodeZlib().createZstdCompress({ params }),
    whole: (input) => nodeZlib().zstdCompressSync(input, { params }),
    decodes: false,
    report,
  };
}
