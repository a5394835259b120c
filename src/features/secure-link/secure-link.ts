// $secure_link and $secure_link_expires: whether the link of a request is one that we signed (ngx_http_secure_link_module).
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Settings } from '../../config/model.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import { compileTemplate, type Getter, toBytes } from '../../route/template.ts';
import type { Feature, FeaturePlace, OwnVariables } from '../feature.ts';

export const SECURE_LINK: Feature = {
  name: 'secure_link',
  variables: (place) => {
    const { secret, link, md5 } = effective(place.settings);
    if (secret !== null) return { secure_link: kept((x) => ({ value: oldLink(x, toBytes(secret)) })) };
    return link === null || md5 === null ? null : signed(link, md5, place);
  },
};

interface Effective {
  readonly secret: string | null;
  readonly link: string | null;
  readonly md5: string | null;
}

/** The two forms exclude each other: the one that the nearest level sets holds. Only `http` may have both; the newer one holds then. */
function effective(settings: Settings): Effective {
  const { secureLink: link, secureLinkMd5: md5, secureLinkSecret: secret } = settings;
  if (secret === null || (link === null && md5 === null)) return { secret, link, md5 };
  for (let level: object | null = settings; level !== null; level = Object.getPrototypeOf(level)) {
    if (Object.hasOwn(level, 'secureLink') || Object.hasOwn(level, 'secureLinkMd5')) break;
    if (Object.hasOwn(level, 'secureLinkSecret')) return { secret, link: null, md5: null };
  }
  return { secret: null, link, md5 };
}

interface Verdict {
  readonly value: string | undefined;
  readonly expires?: string;
}

/** What a request was found to be stays so, wherever it goes. */
const verdicts = new WeakMap<Exchange, Verdict>();

function kept(judge: (x: Exchange) => Verdict): Getter {
  return (x) => {
    let verdict = verdicts.get(x);
    if (verdict === undefined) {
      verdict = judge(x);
      verdicts.set(x, verdict);
    }
    return verdict.value;
  };
}

function signed(link: string, md5: string, { lookup }: FeaturePlace): OwnVariables {
  const ofLink = compileTemplate(link, lookup);
  const ofMd5 = compileTemplate(md5, lookup);
  return {
    secure_link: kept((x) => {
      const [, checksum, expires] = /^([^,]*)(?:,(.*))?$/s.exec(ofLink(x)) ?? ['', ''];
      if (expires !== undefined && !isTime(expires)) return { value: undefined };
      // What the checksum is made of may name when the link expires.
      verdicts.set(x, { value: undefined, expires });
      if (!isChecksum(checksum, ofMd5(x))) return { value: undefined, expires };
      const isOver = expires !== undefined && Number(expires) < Math.floor(Date.now() / 1000);
      return { value: isOver ? '0' : '1', expires };
    }),
    // Known once the link was looked at.
    secure_link_expires: (x) => verdicts.get(x)?.expires,
  };
}

/** A number above 0 that a time_t holds. */
function isTime(text: string): boolean {
  return /^\d+$/.test(text) && BigInt(text) > 0n && BigInt(text) <= 0x7fff_ffff_ffff_ffffn;
}

/** nginx takes no more characters; `=` ends what is read. */
const LONGEST_CHECKSUM = 24;

function isChecksum(text: string, of: string): boolean {
  if (text.length > LONGEST_CHECKSUM) return false;
  const [digits] = text.split('=', 1);
  if (/[^A-Za-z0-9_-]/.test(digits) || digits.length % 4 === 1) return false;
  const given = Buffer.from(digits, 'base64url');
  return given.length === 16 && timingSafeEqual(given, md5Of(of));
}

function md5Of(text: string): Buffer {
  return createHash('md5').update(text, 'latin1').digest();
}

/** `/prefix/checksum/link`, in the target as it came. */
function oldLink(x: Exchange, secret: string): string | undefined {
  const [, checksum, link] = /^.[^/]*\/([^/]*)\/(.+)$/s.exec(x.request.path) ?? [];
  if (checksum === undefined || !/^[0-9a-fA-F]{32}$/.test(checksum)) return undefined;
  return timingSafeEqual(Buffer.from(checksum, 'hex'), md5Of(link + secret)) ? link : undefined;
}
