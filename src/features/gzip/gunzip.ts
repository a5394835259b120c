// gunzip: decompresses for clients that do not take gzip (ngx_http_gunzip_filter).
import { JOIN, PASS, VARIES } from '../../exchange/slots.ts';
import { nodeZlib } from '../../shared/node-parts.ts';
import type { Feature } from '../feature.ts';
import { type Codec, CodecLink } from './codec-link.ts';
import { GzipPolicy } from './policy.ts';

export const GUNZIP: Feature = {
  name: 'gunzip',
  filter: ({ settings, report }) => {
    if (!settings.gunzip) return null;
    const policy = new GzipPolicy(settings);
    const codec = gunzipCodec((x, message) => report(x, 'error', message));
    return {
      slot: 'gunzip',
      head(x, head) {
        if (head.get('content-encoding')?.toLowerCase() !== 'gzip') return PASS;
        x.coding |= VARIES;
        if (policy.allows(x, head)) return PASS;
        head.remove('content-encoding');
        head.bodyChanges();
        return JOIN;
      },
      join: (x, next) => new CodecLink(x, next, codec),
    };
  },
};

export function gunzipCodec(report: Codec['report']): Codec {
  return {
    create: () => nodeZlib().createGunzip(),
    whole: inflate,
    decodes: true,
    report: (x, message) => report(x, `gunzip: the answer cannot be decompressed: ${message}`),
  };
}

/** What is decompressed at once; a bomb goes through a stream, which yields as much as the client takes. */
const MOST_BYTES = 262_144;

/** What `info` gives, which the types do not know. */
interface WithEngine {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

function inflate(input: Buffer): Buffer | null {
  if (input.length === 0) throw new Error('the body is empty');
  try {
    const options = { info: true, maxOutputLength: MOST_BYTES };
    const { buffer, engine } = nodeZlib().gunzipSync(input, options) as unknown as WithEngine;
    if (engine.bytesWritten < input.length) throw new Error('there are bytes behind the end');
    return buffer;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return null;
    throw error;
  }
}
