// Which names local certificates are for: of each server those that are written out, together in one leaf, and, when a client asks for
// it, any other that the server's wildcards and patterns mean, or below localhost. Nobody gets one for a name that is none of ours.
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import type { Model, Settings } from '../config/model.ts';
import { bareName, createHostTable } from '../route/hosts.ts';
import type { LeafNames } from './leaf.ts';

/** What `ssl_certificate` says for them. */
export const LOCAL = 'local';

/** Names of one leaf: it goes over the wire in each handshake. More get one of their own when a client comes. */
const MAX_NAMES = 100;
const EVERYWHERE: readonly string[] = ['*', '0.0.0.0', '::', ''];
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

export function usesLocal({ sslCertificate }: Pick<Settings, 'sslCertificate'>): boolean {
  return sslCertificate.includes(LOCAL);
}

/** The settings of all servers that show local certificates. */
export function localServers(model: Model): readonly Settings[] {
  return model.servers
    .map(({ settings }) => settings)
    .filter((settings) => usesLocal(settings) && settings.listens.some((listen) => listen.ssl));
}

/** What a server's own leaf is for: a client without SNI, or with a name that is not ours, gets that, too. */
export function namesOf({ serverNames, listens }: Pick<Settings, 'serverNames' | 'listens'>): LeafNames {
  const written = serverNames.flat().map((name) => bareName(name.startsWith('.') ? name.slice(1) : name));
  const dns = written.filter(isHostName);
  const hosts = listens.filter(({ ssl, host }) => ssl && !EVERYWHERE.includes(host)).map(({ host }) => host);
  const ips = [...hosts, ...written].filter((text) => isIP(text) !== 0);
  return {
    dns: [...new Set(['localhost', ...dns])].slice(0, MAX_NAMES),
    ips: [...new Set(['127.0.0.1', '::1', ...ips])].slice(0, MAX_NAMES),
  };
}

/** Has a space in front, as no host name has. */
export function keyOf({ dns, ips }: LeafNames): string {
  return ` ${createHash('sha256')
    .update([...dns, '', ...ips].join(' '))
    .digest('base64url')}`;
}

/** The name that a client has sent as a certificate has it; '' where it is none. */
export function hostNameOf(sent: string): string {
  const name = bareName(sent);
  return isHostName(name) ? name : '';
}

/** RFC 1123, and the underscores that people use; no address. */
function isHostName(name: string): boolean {
  return name.length <= 253 && isIP(name) === 0 && /[a-z0-9]/.test(name) && name.split('.').every(isLabel);
}

function isLabel(label: string): boolean {
  return LABEL.test(label);
}

/** Whether a name, as `hostNameOf` gives it, is one of these servers. */
export function nameTest(servers: readonly Pick<Settings, 'serverNames'>[]): (name: string) => boolean {
  const names = servers.flatMap(({ serverNames }) => serverNames.flat());
  const table = createHostTable([{ names, value: true }], false);
  return (name) => name !== '' && (isLocalhost(name) || table.find(name));
}

/** RFC 6761 §6.3: all of them are this machine. */
function isLocalhost(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost');
}
