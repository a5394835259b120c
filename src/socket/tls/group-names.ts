// What OpenSSL calls the groups of a key exchange by the numbers that TLS has for them: $ssl_curve, $ssl_curves.

const FIRST =
  'sect163k1 sect163r1 sect163r2 sect193r1 sect193r2 sect233k1 sect233r1 sect239k1 sect283k1 sect283r1 sect409k1 sect409r1 ' +
  'sect571k1 sect571r1 secp160k1 secp160r1 secp160r2 secp192k1 prime192v1 secp224k1 secp224r1 secp256k1 prime256v1 secp384r1 ' +
  'secp521r1 brainpoolP256r1 brainpoolP384r1 brainpoolP512r1 X25519 X448 brainpoolP256r1tls13 brainpoolP384r1tls13 ' +
  'brainpoolP512r1tls13';

const NAMES: ReadonlyMap<number, string> = new Map([
  ...FIRST.split(' ').map((name, i): [number, string] => [i + 1, name]),
  [0x100, 'ffdhe2048'],
  [0x101, 'ffdhe3072'],
  [0x102, 'ffdhe4096'],
  [0x103, 'ffdhe6144'],
  [0x104, 'ffdhe8192'],
  [0x200, 'MLKEM512'],
  [0x201, 'MLKEM768'],
  [0x202, 'MLKEM1024'],
  [0x11eb, 'SecP256r1MLKEM768'],
  [0x11ec, 'X25519MLKEM768'],
  [0x11ed, 'SecP384r1MLKEM1024'],
]);

export function groupName(id: number): string {
  return NAMES.get(id) ?? `0x${id.toString(16).padStart(4, '0')}`;
}

/** `ids` are two bytes each, as latin1. */
export function groupNames(ids: string): string {
  const names: string[] = [];
  for (let i = 0; i + 1 < ids.length; i += 2)
    names.push(groupName((ids.charCodeAt(i) << 8) | ids.charCodeAt(i + 1)));
  return names.join(':');
}
