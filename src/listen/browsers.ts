// keepalive_disable: browsers that cannot live with connections that stay, by their User-Agent (ngx_http_process_user_agent).
import type { Exchange } from '../exchange/exchange.ts';
import { isMsie6, isSafari } from '../http/user-agent.ts';
import type { Browser } from './rows.ts';

const ASKED: Readonly<Record<Browser, (x: Exchange, agent: string) => boolean>> = {
  msie6: (x, agent) => x.request.method === 'POST' && isMsie6(agent),
  safari: (_x, agent) => isSafari(agent),
};

/** Whether an exchange's connection must end behind its answer; null = none must. */
export function endsFor(browsers: readonly Browser[]): ((x: Exchange) => boolean) | null {
  if (browsers.length === 0) return null;
  const asked = browsers.map((browser) => ASKED[browser]);
  return (x) => {
    const agent = x.request.get('user-agent') ?? '';
    return agent !== '' && asked.some((is) => is(x, agent));
  };
}
