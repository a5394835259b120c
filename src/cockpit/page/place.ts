// Where one is in the page stands in the address's fragment: `#/peers`, `#/requests?status>=500`. A token there is taken out of it.
import { takeToken, token } from './api.ts';
import { setFilter } from './requests/listed.ts';
import { VIEWS, view } from './state.ts';

export function followAddress(): void {
  readAddress();
  addEventListener('hashchange', readAddress);
}

function readAddress(): void {
  const { hash } = location;
  if (!hash.startsWith('#/') && takeToken(hash)) {
    // Out of sight, of screenshots and of the browser's history.
    history.replaceState(null, '', `#/${view.value}`);
    return;
  }
  const [, name = '', filter] = /^#\/([a-z]*)(?:\?(.*))?$/s.exec(hash) ?? [];
  const found = VIEWS.find(([known]) => known === name);
  view.value = found?.[0] ?? 'overview';
  if (filter !== undefined) setFilter(decoded(filter));
}

export function requestsAddress(filter: string): string {
  return `#/requests?${encodeURIComponent(filter)}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function hasToken(): boolean {
  return token.value !== '';
}
