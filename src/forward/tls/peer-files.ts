// Which files TLS towards peers needs: those of each location that may speak it. The primary reads them with the listeners' own.
import type { LocationModel, Model, ScriptOp, Settings } from '../../config/model.ts';
import { constantOf } from '../../route/template.ts';
import type { ProxyPass } from '../rows.ts';
import { type PeerTlsSettings, peerTlsOf, type TlsFamily } from './rows.ts';

/** Whether a URL is, or may turn out to be, that of a TLS peer. */
export function maySecure({ url }: ProxyPass): boolean {
  // Most: what follows decides nothing.
  if (url.startsWith('http://') || WITHOUT_TLS.test(url)) return false;
  const constant = constantOf(url);
  if (constant !== undefined) return /^(?:https|suwsgi):\/\//i.test(constant);
  const begun = /^uwsgi:\/\/([^$]*)/.exec(url)?.[1];
  // What a variable goes on with may still be the scheme.
  return begun === undefined ? !/^http:\/\//i.test(url) : 'suwsgi://'.startsWith(begun.toLowerCase());
}

const WITHOUT_TLS = /^(?:fastcgi|scgi):/;

/** Whose directives say how. */
export function tlsFamilyOf({ url }: ProxyPass): TlsFamily {
  return /^s?uwsgi:/.test(url) ? 'uwsgi' : 'proxy';
}

/** Paths that are known before a request comes. */
export function filesOf(tls: PeerTlsSettings): string[] {
  const { SslCertificate: certificate, SslCertificateKey: key } = tls;
  const verify = tls.SslVerify ? [tls.SslTrustedCertificate, tls.SslCrl] : [];
  const own = certificate === '' || byRequest(tls) ? [] : [certificate, key];
  return [...verify, ...own, tls.SslPasswordFile].filter((path) => path !== '');
}

/** Whether the certificate is known only when a request comes. */
export function byRequest({ SslCertificate, SslCertificateKey }: PeerTlsSettings): boolean {
  if (SslCertificate === '') return false;
  return constantOf(SslCertificate) === undefined || constantOf(SslCertificateKey) === undefined;
}

export function peerTlsFiles(model: Model): string[] {
  const paths = new Set<string>();
  const take = (settings: Settings, pass: ProxyPass | null): void => {
    if (pass === null || !maySecure(pass)) return;
    for (const path of filesOf(peerTlsOf(settings, tlsFamilyOf(pass)))) paths.add(path);
  };
  const inScript = (script: readonly ScriptOp[], outer: ProxyPass | null): void => {
    for (const op of script) {
      if (op.op !== 'if') continue;
      const pass = op.settings?.proxyPass ?? outer;
      if (op.settings !== null) take(op.settings, pass);
      inScript(op.script, pass);
    }
  };
  const inLocation = ({ settings, script, locations }: LocationModel): void => {
    take(settings, settings.proxyPass);
    inScript(script, settings.proxyPass);
    locations.forEach(inLocation);
  };
  for (const server of model.servers) server.locations.forEach(inLocation);
  return [...paths];
}
