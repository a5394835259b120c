// Name and password of Basic credentials (RFC 7617) as nginx reads them. Pure; bytes as latin1.
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

const SCHEME = /^basic +/i;
/** nginx takes both alphabets, and does not look behind the first `=`. */
const DATA = /^([A-Za-z0-9+/_-]*)(?:=|$)/;

/** What an Authorization field holds; null = no name with a password. */
export function readCredentials(field: string | undefined): Credentials | null {
  if (field === undefined) return null;
  const scheme = SCHEME.exec(field);
  if (scheme === null) return null;
  const data = DATA.exec(field.slice(scheme[0].length))?.[1];
  if (data === undefined || data.length % 4 === 1) return null;
  const text = Buffer.from(data, 'base64').latin1Slice();
  const colon = text.indexOf(':');
  return colon < 1 ? null : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
