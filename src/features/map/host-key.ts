// Keys of `map` with `hostnames`: a name, or one with a wildcard, by the rules of nginx's hashes of names (ngx_hash_add_key).

export interface HostKey {
  readonly kind: 'exact' | 'suffix' | 'domain' | 'prefix';
  /** Without the wildcard. */
  readonly name: string;
}

/** What a key in lower case is; undefined where it is neither a name nor `*.name`, `.name` or `name.*`. */
export function readHostKey(key: string): HostKey | undefined {
  const star = key.indexOf('*');
  if (key.includes('..') || key.indexOf('*', star + 1) > star) return undefined;
  if (key.length > 1 && key.startsWith('.')) return { kind: 'domain', name: key.slice(1) };
  if (key.length > 2 && key.startsWith('*.')) return { kind: 'suffix', name: key.slice(2) };
  if (key.length > 2 && key.endsWith('.*')) return { kind: 'prefix', name: key.slice(0, -2) };
  return star < 0 ? { kind: 'exact', name: key } : undefined;
}

/** As nginx lowers bytes: ASCII letters alone. */
export function lowerCase(text: string): string {
  return BEYOND_ASCII.test(text) ? text.replace(/[A-Z]+/g, (part) => part.toLowerCase()) : text.toLowerCase();
}

const BEYOND_ASCII = /[^\x00-\x7f]/;
