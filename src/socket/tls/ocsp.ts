// OCSP (RFC 6960) as far as a server asks about its own certificate: who is to be asked, with what bytes, and what an answer says.
import { createHash, X509Certificate } from 'node:crypto';
import { contentOf, fieldsOf } from './certificate-fields.ts';
import { type Element, elementsOf, INTEGER, OCTETS, SEQUENCE } from './der.ts';
import { blocksOf } from './pem.ts';

/** Whom to ask about a certificate, and how. */
export interface OcspQuestion {
  readonly host: string;
  readonly port: number;
  /** With a slash in front and none behind. */
  readonly path: string;
  readonly request: Buffer;
  /** What the answer must be about: CertID. */
  readonly id: Buffer;
}

/** An answer that says "good"; times in ms. */
export interface OcspGood {
  readonly validUntilMs: number;
}

/** `chain` begins with the certificate; who signed it stands behind it, or in `others`. A sentence where nobody can be asked. */
export function ocspQuestion(chain: string, others: string, responder: string): OcspQuestion | string {
  const [leaf, ...more] = blocksOf(chain, 'CERTIFICATE').concat(blocksOf(others, 'CERTIFICATE')).map(readOne);
  if (leaf === undefined) return 'the certificate cannot be read';
  const issuer = more.find((one) => one !== undefined && leaf.checkIssued(one));
  if (issuer === undefined)
    return 'who signed the certificate stands neither behind it nor in ssl_trusted_certificate';
  const url = responder === '' ? (/^OCSP - URI:(.*)$/m.exec(leaf.infoAccess ?? '')?.[1] ?? '') : responder;
  if (url === '') return 'the certificate names nobody to ask; name one with ssl_stapling_responder';
  const [, host, port = '80', path = ''] =
    /^http:\/\/(\[[^\]]+\]|[^/:?#]+)(?::(\d+))?(\/[^?#]*)?$/i.exec(url) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535)
    return `"${url}" is nobody to ask: write http://host/`;
  const id = certificateId(leaf, issuer);
  const request = sequence(sequence(sequence(sequence(id))));
  return {
    host: host.replace(/^\[|\]$/g, ''),
    port: Number(port),
    path: path.replace(/\/$/, ''),
    request,
    id,
  };
}

function readOne(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

/** sha1, with NULL. */
const SHA1 = Buffer.from('300906052b0e03021a0500', 'hex');

function certificateId(leaf: X509Certificate, issuer: X509Certificate): Buffer {
  const own = fieldsOf(leaf);
  // Of the bit string the number of bits left over does not count.
  const key = contentOf(elementsOf(contentOf(fieldsOf(issuer).publicKey))[1]).subarray(1);
  const sha1 = (bytes: Buffer): Buffer => tagged(OCTETS, createHash('sha1').update(bytes).digest());
  const serial = own.serial?.whole ?? tagged(INTEGER, Buffer.from([0]));
  return sequence(SHA1, sha1(own.issuer?.whole ?? Buffer.alloc(0)), sha1(key), serial);
}

function sequence(...parts: Buffer[]): Buffer {
  return tagged(SEQUENCE, Buffer.concat(parts));
}

function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from(head), content]);
}

const GOOD = 0x80;
const GENERALIZED_TIME = 0x18;
/** How wrong clocks may be. */
const SLACK_MS = 300_000;

/** A sentence where the answer is not to be shown. */
export function readOcspAnswer(answer: Buffer, id: Buffer, nowMs: number): OcspGood | string {
  const [status, bytes] = elementsOf(contentOf(elementsOf(answer)[0]));
  if (status === undefined || bytes === undefined) return 'the answer is none of OCSP, or an error';
  const [, basic] = elementsOf(contentOf(elementsOf(bytes.content)[0]));
  const data = elementsOf(contentOf(elementsOf(contentOf(elementsOf(contentOf(basic))[0]))[0]));
  const responses = data.findLast(({ tag }) => tag === SEQUENCE);
  const found = elementsOf(contentOf(responses))
    .map((one) => elementsOf(one.content))
    .find(([about]) => about?.whole.equals(id));
  if (found === undefined) return 'the answer is not about the certificate';
  const [, verdict, since, until] = found;
  if (verdict?.tag !== GOOD)
    return verdict?.tag === 0xa1 ? 'the certificate was revoked' : 'the certificate is unknown';
  const next = until?.tag === 0xa0 ? timeOf(elementsOf(until.content)[0]) : Number.POSITIVE_INFINITY;
  if (!(timeOf(since) <= nowMs + SLACK_MS)) return 'the answer is not valid yet';
  return next >= nowMs - SLACK_MS ? { validUntilMs: next } : 'the answer has expired';
}

/** NaN where it is none. */
function timeOf(element: Element | undefined): number {
  if (element?.tag !== GENERALIZED_TIME) return Number.NaN;
  const text = element.content.latin1Slice();
  return Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d+)?Z$/, '$1-$2-$3T$4:$5:$6Z'));
}
