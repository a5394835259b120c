// Content-Type by the extension of the URI: nginx's rule which part is the extension, and the well-known types.
import type { MimeTypes } from './rows.ts';

/** Used where no `types` block stands. Text types carry no charset: nginx's `charset` is off by default too. */
const WELL_KNOWN: Readonly<Record<string, string>> = {
  html: 'text/html',
  htm: 'text/html',
  shtml: 'text/html',
  css: 'text/css',
  js: 'text/javascript',
  mjs: 'text/javascript',
  json: 'application/json',
  map: 'application/json',
  jsonld: 'application/ld+json',
  webmanifest: 'application/manifest+json',
  geojson: 'application/geo+json',
  txt: 'text/plain',
  md: 'text/markdown',
  csv: 'text/csv',
  ics: 'text/calendar',
  vtt: 'text/vtt',
  xml: 'text/xml',
  xsl: 'text/xml',
  rss: 'application/rss+xml',
  atom: 'application/atom+xml',
  xhtml: 'application/xhtml+xml',
  yaml: 'application/yaml',
  yml: 'application/yaml',
  toml: 'application/toml',
  png: 'image/png',
  apng: 'image/apng',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  avif: 'image/avif',
  jxl: 'image/jxl',
  svg: 'image/svg+xml',
  svgz: 'image/svg+xml',
  ico: 'image/x-icon',
  bmp: 'image/bmp',
  tif: 'image/tiff',
  tiff: 'image/tiff',
  heic: 'image/heic',
  woff: 'font/woff',
  woff2: 'font/woff2',
  ttf: 'font/ttf',
  otf: 'font/otf',
  eot: 'application/vnd.ms-fontobject',
  mp4: 'video/mp4',
  m4v: 'video/mp4',
  webm: 'video/webm',
  ogv: 'video/ogg',
  mov: 'video/quicktime',
  avi: 'video/x-msvideo',
  mpeg: 'video/mpeg',
  mpg: 'video/mpeg',
  ts: 'video/mp2t',
  m3u8: 'application/vnd.apple.mpegurl',
  mpd: 'application/dash+xml',
  mp3: 'audio/mpeg',
  m4a: 'audio/mp4',
  aac: 'audio/aac',
  ogg: 'audio/ogg',
  oga: 'audio/ogg',
  opus: 'audio/ogg',
  wav: 'audio/wav',
  flac: 'audio/flac',
  mid: 'audio/midi',
  weba: 'audio/webm',
  wasm: 'application/wasm',
  pdf: 'application/pdf',
  rtf: 'application/rtf',
  epub: 'application/epub+zip',
  zip: 'application/zip',
  gz: 'application/gzip',
  tgz: 'application/gzip',
  bz2: 'application/x-bzip2',
  xz: 'application/x-xz',
  zst: 'application/zstd',
  '7z': 'application/x-7z-compressed',
  rar: 'application/vnd.rar',
  tar: 'application/x-tar',
  jar: 'application/java-archive',
  doc: 'application/msword',
  xls: 'application/vnd.ms-excel',
  ppt: 'application/vnd.ms-powerpoint',
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  pptx: 'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  odt: 'application/vnd.oasis.opendocument.text',
  ods: 'application/vnd.oasis.opendocument.spreadsheet',
  bin: 'application/octet-stream',
  exe: 'application/octet-stream',
  dll: 'application/octet-stream',
  deb: 'application/octet-stream',
  dmg: 'application/octet-stream',
  iso: 'application/octet-stream',
  img: 'application/octet-stream',
  msi: 'application/octet-stream',
};

/**
 * Makes the function from a URI (latin1 bytes) to the value of Content-Type; '' means that no field is sent.
 * `types` is a `types` block (extensions and types, any case, the last of several); null takes the well-known types.
 */
export function createTypeOf(types: MimeTypes | null, defaultType: string): (uri: string) => string {
  const table = tableOf(types ?? WELL_KNOWN_PAIRS);
  return (uri) => {
    const extension = extensionOf(uri);
    if (extension === '') return defaultType;
    return table.get(extension) ?? table.get(extension.toLowerCase()) ?? defaultType;
  };
}

/** Levels that inherit a block share its table. */
const tables = new WeakMap<object, Map<string, string>>();

const WELL_KNOWN_PAIRS: MimeTypes = Object.entries(WELL_KNOWN);

function tableOf(types: MimeTypes): Map<string, string> {
  const known = tables.get(types);
  if (known !== undefined) return known;
  const table = new Map(types.map(([extension, type]) => [extension.toLowerCase(), type]));
  tables.set(types, table);
  return table;
}

/** What follows the last dot of the last segment; a dot that begins the segment makes none (`/.profile`). */
export function extensionOf(uri: string): string {
  const dot = uri.lastIndexOf('.');
  if (dot < 2 || uri.charCodeAt(dot - 1) === 47 || uri.indexOf('/', dot) >= 0) return '';
  return uri.slice(dot + 1);
}
