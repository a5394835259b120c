// A `geo` as the road asks it: whose address it is (ngx_http_geo_addr), and which part it lies in.
import type { Exchange } from '../../exchange/exchange.ts';
import { type Getter, toBytes, type VariableLookup } from '../../route/template.ts';
import { IpAddress, LAST_IPV4 } from '../../shared/ip-address.ts';
import { Ipv4Table, Ipv6Table } from './address-table.ts';
import type { GeoModel } from './rows.ts';

/** Evaluation waits for nothing: one address at a time. */
const address = new IpAddress();
const forwarded = new IpAddress();

export function compileGeo(model: GeoModel, lookup: VariableLookup): Getter {
  const values = model.values.map(toBytes);
  const v4 = new Ipv4Table(model.v4);
  const v6 = model.v6 === null ? null : new Ipv6Table(model.v6);
  const readAddress = compileAddress(model, lookup);
  return (x) => {
    const found = readAddress(x);
    if (found.family === 6 && v6 !== null) return values[v6.find(found)];
    return values[v4.find(found.family === 4 ? found.v4 : LAST_IPV4)];
  };
}

type ReadAddress = (exchange: Exchange) => IpAddress;

function compileAddress({ source, proxies, recursive }: GeoModel, lookup: VariableLookup): ReadAddress {
  const own = source === null ? null : lookup(source);
  const first: ReadAddress = (x) => {
    if (own === null) address.readClient(x.remoteAddress);
    else if (!address.read(own?.(x) ?? '')) address.family = 0;
    return address;
  };
  if (proxies === null) return first;
  const trusted = { v4: new Ipv4Table(proxies.v4), v6: new Ipv6Table(proxies.v6) };
  const isTrusted = (of: IpAddress): boolean =>
    of.family !== 0 && (of.family === 4 ? trusted.v4.find(of.v4) : trusted.v6.find(of)) === 1;
  return (x) => {
    const client = first(x);
    const fields = client.family === 0 ? undefined : x.request.getAll('x-forwarded-for');
    return fields === undefined ? client : lastForwarded(client, fields, isTrusted, recursive);
  };
}

/** The last address of X-Forwarded-For behind one that is trusted, and so on (ngx_http_get_forwarded_addr). */
function lastForwarded(
  client: IpAddress,
  fields: string,
  isTrusted: (address: IpAddress) => boolean,
  recursive: boolean,
): IpAddress {
  let current = client;
  for (let end = fields.length; isTrusted(current); ) {
    while (end > 0 && isBetween(fields, end - 1)) end--;
    let start = end;
    while (start > 0 && !isBetween(fields, start - 1)) start--;
    if (start === end || !forwarded.readWithPort(fields.slice(start, end))) return current;
    current = forwarded;
    end = start;
    if (!recursive) return current;
  }
  return current;
}

function isBetween(text: string, at: number): boolean {
  const c = text.charCodeAt(at);
  return c === 0x20 || c === 0x2c;
}
