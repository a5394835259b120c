// Content: the least GIF there is, one transparent pixel (ngx_http_empty_gif_module).
import { BARE, passHead, REPLACED } from '../../answer/head-pass.ts';
import { modifiedDate } from '../../answer/preconditions.ts';
import { clearAnswer, sendBare, sendContent } from '../../answer/whole.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import type { Seekable } from '../../http/answer-head.ts';
import type { Feature } from '../feature.ts';

const PIXEL = Buffer.from(
  '47494638396101000100800100000000ffffff21f90401000001002c00000000010001000002024c01003b',
  'hex',
);
/** Seconds since the epoch: the date that nginx gives it. */
const MADE_AT = 23_349_600;

export const EMPTY_GIF: Feature = {
  name: 'empty_gif',
  content: ({ settings }) => {
    if (!settings.emptyGif) return null;
    const seek: Seekable = {
      size: PIXEL.length,
      mtime: MADE_AT,
      etag: '',
      maxRanges: 0,
      ifModifiedSince: settings.ifModifiedSince,
      streamed: false,
      ofFile: true,
    };
    return { slot: 'handler', before: () => (x) => sendPixel(x, seek) };
  },
};

function sendPixel(x: Exchange, seek: Seekable): void {
  if (x.method !== 'GET' && x.method !== 'HEAD') {
    x.location.fail(x, 405, `empty_gif answers GET and HEAD, not ${x.method}`);
    return;
  }
  clearAnswer(x);
  x.status = 200;
  x.lines = `Content-Type: image/gif\r\nLast-Modified: ${modifiedDate(MADE_AT)}\r\n`;
  x.length = PIXEL.length;
  const passed = passHead(x, seek);
  if (passed === REPLACED) return;
  if (passed === BARE) return sendBare(x);
  sendContent(x, PIXEL);
}
