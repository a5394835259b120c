// Browsers with habits of their own, told from User-Agent as nginx tells them (ngx_http_process_user_agent). Pure.

/** Where `MSIE n.` stands, with something behind it; null = another browser. */
function msieVersion(agent: string): string | null {
  if (agent.includes('Opera')) return null;
  const at = agent.indexOf('MSIE ');
  return at < 0 || at + 7 >= agent.length ? null : agent.slice(at + 5);
}

export function isMsie(agent: string): boolean {
  return msieVersion(agent) !== null;
}

/** Up to version 6, unless it is that of Windows XP's second service pack. */
export function isMsie6(agent: string): boolean {
  const version = msieVersion(agent) ?? '';
  return /^[45]\./.test(version) || (version.startsWith('6.') && !version.slice(3).includes('SV1'));
}

export function isChrome(agent: string): boolean {
  return isOther(agent) && !agent.includes('Gecko/') && agent.includes('Chrome/');
}

/** Of Mac OS. */
export function isSafari(agent: string): boolean {
  if (!isOther(agent) || /Gecko\/|Chrome\//.test(agent)) return false;
  return agent.includes('Safari/') && agent.includes('Mac OS X');
}

function isOther(agent: string): boolean {
  return !agent.includes('Opera') && !isMsie(agent);
}
