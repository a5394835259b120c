// Names that nginx 1.31 knows and lbproxy does not: who has them in a file did not misspell anything. Read only when a name is unknown.
import { type Missing, NEVER, NOT_YET } from './nginx-missing.ts';

/** What is said of a directive that is missing: `verdict` in a sentence, `why` behind it. */
export interface Verdict {
  readonly verdict: string;
  readonly why: string;
  /** Whether it is missing for good. */
  readonly never: boolean;
}

const IS_NOT_YET = 'is known to nginx but not supported yet';
const IS_NEVER = 'is known to nginx but will not be supported';

const VARIABLES = `
  ancient_browser bytes_received geoip_area_code geoip_city geoip_city_continent_code geoip_city_country_code
  geoip_city_country_code3 geoip_city_country_name geoip_country_code geoip_country_code3 geoip_country_name
  geoip_dma_code geoip_latitude geoip_longitude geoip_org geoip_postal_code geoip_region geoip_region_name
  modern_browser msie proxy_add_via session_time slice_range ssl_client_sigalg ssl_ech_outer_server_name ssl_ech_status
  ssl_preread_alpn_protocols ssl_preread_protocol ssl_preread_server_name ssl_sigalg ssl_sigalgs tcpinfo_rcv_space
  tcpinfo_rtt tcpinfo_rttvar tcpinfo_snd_cwnd upstream_first_byte_time upstream_session_time`;

/** Beginnings of names: the rest is a field's, a cookie's, a type's. */
const FAMILIES = /^(?:proxy_protocol_tlv_|sent_trailer_|upstream_cookie_|upstream_http_|upstream_trailer_)./;

export const namesOf = (text: string): readonly string[] => text.trim().split(/\s+/);

let directives: ReadonlyMap<string, Verdict> | null = null;
let variables: ReadonlySet<string> | null = null;

/** Undefined for what nginx does not know, or lbproxy does. */
export function missingDirective(name: string): Verdict | undefined {
  directives ??= new Map([...entriesOf(NOT_YET, false), ...entriesOf(NEVER, true)]);
  return directives.get(name);
}

function entriesOf(groups: readonly Missing[], never: boolean): [string, Verdict][] {
  const verdict = never ? IS_NEVER : IS_NOT_YET;
  return groups
    .filter(({ inside }) => inside === undefined)
    .flatMap(({ why, names }) =>
      namesOf(names).map((name): [string, Verdict] => [name, { verdict, why, never }]),
    );
}

export function isNginxVariable(name: string): boolean {
  variables ??= new Set(namesOf(VARIABLES));
  return FAMILIES.test(name) || variables.has(name);
}

/** What is said of such a variable. */
export const VARIABLE_NOT_YET = IS_NOT_YET;
