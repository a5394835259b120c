// The cookie by which a client is known again, as ngx_http_userid_filter_module makes and reads it.
import type { Settings } from '../../config/model.ts';
import type { Exchange, Filter } from '../../exchange/exchange.ts';
import { PASS } from '../../exchange/slots.ts';
import type { AnswerHead } from '../../http/answer-head.ts';
import { binaryAddress } from '../../route/binary-address.ts';
import { type Getter, toBytes } from '../../route/template.ts';
import { httpDate } from '../../shared/clock.ts';
import type { Feature, FeaturePlace, OwnVariables } from '../feature.ts';

export const USERID: Feature = {
  name: 'userid',
  filter: (place) => (gives(place.settings) ? new UserIds(place) : null),
  variables: (place): OwnVariables | null => {
    if (place.settings.userid === 'off') return null;
    const ids = new UserIds(place);
    const uid_got: Getter = (x) => ids.got(x.main);
    return gives(place.settings) ? { uid_got, uid_set: (x) => ids.given(x.main) } : { uid_got };
  },
};

function gives({ userid }: Settings): boolean {
  return userid === 'v1' || userid === 'on';
}

/** What is known of a request: one for all locations that it comes to. */
interface State {
  /** The cookie's value as it came, '' without. */
  readonly cookie: string;
  /** Sixteen bytes each; null = none. */
  readonly got: Buffer | null;
  set: Buffer | null;
  reset: boolean;
}

const states = new WeakMap<Exchange, State>();

/** Bytes that a cookie has at least: sixteen in base64 without their padding, which may be marked. */
const COOKIE_LENGTH = 22;

// Numbers that no other process gives out in the same second.
const START = ((Math.floor(Math.random() * 50_000) << 16) | (process.pid & 0xffff)) >>> 0;
const FIRST_V2 = 0x03030302;
let nextV1 = 1;
let nextV2 = FIRST_V2;

class UserIds implements Filter {
  readonly slot = 'userid';
  readonly #place: FeaturePlace;
  readonly #cookie: Getter;
  readonly #reset: Getter;

  constructor(place: FeaturePlace) {
    this.#place = place;
    const { lookup, settings } = place;
    this.#cookie = lookup(`cookie_${settings.useridName}`) ?? (() => undefined);
    this.#reset = lookup('uid_reset') ?? (() => undefined);
  }

  head(x: Exchange, head: AnswerHead): typeof PASS {
    const state = this.#stateOf(x);
    this.#make(x, state);
    if (state.set === null) return PASS;
    head.add('Set-Cookie', this.#line(state, state.set));
    const { useridP3p } = this.#place.settings;
    if (useridP3p !== '') head.add('P3P', toBytes(useridP3p));
    return PASS;
  }

  got(x: Exchange): string | undefined {
    return this.#named(this.#stateOf(x).got);
  }

  /** Asked before the answer it decides what that sets. */
  given(x: Exchange): string | undefined {
    const state = this.#stateOf(x);
    this.#make(x, state);
    return this.#named(state.set);
  }

  #named(id: Buffer | null): string | undefined {
    if (id === null) return undefined;
    const words = [0, 4, 8, 12].map((at) => id.readUInt32LE(at).toString(16).toUpperCase().padStart(8, '0'));
    return `${toBytes(this.#place.settings.useridName)}=${words.join('')}`;
  }

  #stateOf(x: Exchange): State {
    const known = states.get(x);
    if (known !== undefined) return known;
    const cookie = this.#cookie(x) ?? '';
    const state: State = {
      cookie,
      got: cookie === '' ? null : this.#read(x, cookie),
      set: null,
      reset: false,
    };
    states.set(x, state);
    return state;
  }

  #read(x: Exchange, cookie: string): Buffer | null {
    const all = x.request.getAll('cookie') ?? '';
    if (cookie.length < COOKIE_LENGTH) {
      this.#place.report(x, 'error', `client sent too short userid cookie "${all}"`);
      return null;
    }
    const digits = cookie.slice(0, COOKIE_LENGTH);
    if (/^[A-Za-z0-9+/]*/.exec(digits)?.[0].length !== COOKIE_LENGTH) {
      this.#place.report(x, 'error', `client sent invalid userid cookie "${all}"`);
      return null;
    }
    const id = Buffer.from(digits, 'base64');
    return id.readUInt32LE(12) === 0 ? null : id;
  }

  #make(x: Exchange, state: State): void {
    if (state.set !== null) return;
    if (state.got !== null) {
      const wish = this.#reset(x) ?? '';
      if (wish === '' || wish === '0') {
        if (!this.#isMarked(state.cookie)) state.set = state.got;
        return;
      }
      state.reset = true;
      if (wish === 'log')
        this.#place.report(x, 'notice', `userid cookie "${this.#named(state.got)}" was reset`);
    }
    state.set = this.#fresh(x);
  }

  /** Nothing is to be said where marks do not matter. */
  #isMarked(cookie: string): boolean {
    const { useridMark } = this.#place.settings;
    return useridMark === '' || (cookie[COOKIE_LENGTH] === useridMark && cookie[COOKIE_LENGTH + 1] === '=');
  }

  #fresh(x: Exchange): Buffer {
    const { userid, useridService: service } = this.#place.settings;
    const id = Buffer.alloc(16);
    const seconds = Math.floor(Date.now() / 1000);
    if (userid === 'v1') {
      id.writeUInt32LE((service ?? 0) >>> 0, 0);
      id.writeUInt32LE(seconds, 4);
      id.writeUInt32LE(START, 8);
      id.writeUInt32LE(nextV1, 12);
      nextV1 = (nextV1 + 0x100) >>> 0;
      return id;
    }
    if (service === null) id.write(lastBytes(x.client.localAddress), 0, 4, 'latin1');
    else id.writeUInt32BE(service >>> 0, 0);
    id.writeUInt32BE(seconds, 4);
    id.writeUInt32BE(START, 8);
    id.writeUInt32BE(nextV2, 12);
    nextV2 = (nextV2 + 0x100) >>> 0;
    if (nextV2 < FIRST_V2) nextV2 = FIRST_V2;
    return id;
  }

  #line({ got, reset, cookie }: State, id: Buffer): string {
    const { settings } = this.#place;
    const { useridMark: mark, useridDomain, useridPath, useridFlags } = settings;
    let value: string;
    if (got === null || reset) {
      value = id.toString('base64');
      if (mark !== '') value = `${value.slice(0, COOKIE_LENGTH)}${mark}=`;
    } else value = `${cookie.slice(0, COOKIE_LENGTH)}${mark}=`;
    const domain = useridDomain === '' ? '' : `; domain=${toBytes(useridDomain)}`;
    const flags = FLAG_ORDER.filter((flag) => useridFlags.includes(flag)).map((flag) => `; ${flag}`);
    const path = `; path=${toBytes(useridPath)}`;
    return `${toBytes(settings.useridName)}=${value}${expiry(settings)}${domain}${path}${flags.join('')}`;
  }
}

const FLAG_ORDER = ['secure', 'httponly', 'samesite=strict', 'samesite=lax', 'samesite=none'];

/** Four bytes of an address; none of a Unix socket. */
function lastBytes(address: string): string {
  const bytes = binaryAddress(address);
  return bytes.length === 4 || bytes.length === 16 ? bytes.slice(-4) : '\0\0\0\0';
}

function expiry({ useridExpiresMs: ms }: Settings): string {
  if (ms === 0) return '';
  if (ms < 0) return '; expires=Thu, 31-Dec-37 23:55:55 GMT';
  const date = httpDate(Date.now() + Math.floor(ms / 1000) * 1000);
  // nginx writes two digits of the year as long as old browsers take them right.
  const shown = date.replace(/ (\w{3}) (\d{2})(\d{2}) /, (_all, month, century, year) =>
    `${century}${year}` > '2037' ? `-${month}-${century}${year} ` : `-${month}-${year} `,
  );
  return `; expires=${shown}`;
}
