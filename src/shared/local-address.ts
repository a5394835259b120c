// An address of this machine that connections to peers come from.
import { isIP } from 'node:net';

export interface LocalAddress {
  readonly localAddress: string;
  /** 0 = any. */
  readonly localPort: number;
}

/** `address`, `address:port`, `[ipv6]:port`; null for what is none of them (ngx_parse_addr_port). */
export function readLocal(text: string): LocalAddress | null {
  if (isIP(text) !== 0) return { localAddress: text, localPort: 0 };
  const m = /^(?:\[([^\]]*)\]|([^[:]*)):(\d{1,5})$/.exec(text);
  const [address, port] = [m?.[1] ?? m?.[2] ?? '', Number(m?.[3])];
  return isIP(address) === 0 || port < 1 || port > 65_535 ? null : { localAddress: address, localPort: port };
}
