// keepalive_disable: browsers that cannot live with connections that stay, by their User-Agent (ngx_http_process_user_agent).
import type { Exchange } from '../exchange/exchange.ts';
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

function isMsie6(agent: string): boolean {
  const version = /MSIE (.)\../.exec(agent);
  if (version === null || agent.includes('Opera')) return false;
  if (version[1] === '6') return !agent.slice(version.index + 8).includes('SV1');
  return version[1] === '4' || version[1] === '5';
}

function isSafari(agent: string): boolean {
  if (/MSIE |Opera|Gecko\/|Chrome\//.test(agent)) return false;
  return agent.includes('Safari/') && agent.includes('Mac OS X');
}
