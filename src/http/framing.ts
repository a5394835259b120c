// Rules that requests and answers share: Content-Length, Connection, and what frames a body.

/** How the end of a body is known (RFC 9112 §6.3). Decided once per message. */
export type Framing = 'none' | 'length' | 'chunked' | 'until-close';

/** Digits only, at most 2^53 − 1 (JavaScript numbers lose digits beyond); -1 when it is none. RFC 9110 §8.6. */
export function parseContentLength(value: string): number {
  const n = value.length;
  if (n === 0 || n > 16) return -1;
  let length = 0;
  for (let i = 0; i < n; i++) {
    const digit = value.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length <= Number.MAX_SAFE_INTEGER ? length : -1;
}

export interface ConnectionOptions {
  close: boolean;
  keepAlive: boolean;
  upgradeRequested: boolean;
  connectionNames: string[] | null;
}

/** Adds the options of one Connection field (RFC 9110 §7.6.1) to what is known. */
export function readConnection(into: ConnectionOptions, value: string): void {
  // The three values that nearly every message has, without cutting the string up.
  if (value === 'keep-alive' || value === 'Keep-Alive') {
    into.keepAlive = true;
    return;
  }
  if (value === 'close') {
    into.close = true;
    return;
  }
  for (const raw of value.split(',')) {
    const option = raw.trim().toLowerCase();
    if (option === 'close') into.close = true;
    else if (option === 'keep-alive') into.keepAlive = true;
    else if (option === 'upgrade') into.upgradeRequested = true;
    else if (option !== '' && !END_TO_END.test(option)) {
      into.connectionNames ??= [];
      into.connectionNames.push(option);
    }
  }
}

/** Fields that a client may not have removed by naming them in Connection: it would change what the request means. */
const END_TO_END =
  /^(?:host|content-.*|transfer-encoding|x-forwarded-.*|x-real-ip|x-scheme|forwarded|authorization|cookie|cache-control|date|server|set-cookie|location)$/;
