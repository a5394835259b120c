// Files of TLS towards peers that cannot be read, each at its own directive; what is wrong inside of them compiling tells, at the proxy_pass.
import { resolve } from 'node:path';
import type { Model } from '../config/model.ts';
import type { Severity } from '../config/problem.ts';
import type { Directive, Position } from '../config/tree.ts';
import { peerTlsFiles } from '../forward/tls/peer-files.ts';
import { whyUnreadable } from './check-certificates.ts';
import { exposureOfKey } from './check-exposure.ts';

const FILES = /^[a-z]+_ssl_(?:trusted_certificate|crl|certificate|certificate_key|password_file)$/;
const SECRETS = /_(?:certificate_key|password_file)$/;

/** `directives` are all of them, those in blocks too. */
export function checkPeerFiles(
  directives: readonly Directive[],
  model: Model,
  report: (at: Position, message: string, severity?: Severity) => void,
): void {
  const needed = new Set(peerTlsFiles(model));
  if (needed.size === 0) return;
  for (const { name, args, at } of directives) {
    if (!FILES.test(name) || args.length === 0) continue;
    const path = resolve(model.prefix, args[0].text);
    if (!needed.has(path)) continue;
    const problem = whyUnreadable(path);
    if (problem !== undefined) report(at, `${name} ${path} ${problem}`);
    const exposure = problem === undefined && SECRETS.test(name) ? exposureOfKey(path) : undefined;
    if (exposure !== undefined) report(at, `${name} ${path} ${exposure}`, 'warning');
  }
}
