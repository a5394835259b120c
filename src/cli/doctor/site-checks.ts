// Checks of what a configuration needs of the machine: ports, peers, certificates, trust.
import { X509Certificate } from 'node:crypto';
import { listensOf } from '../../cluster/needs.ts';
import type { ServerModel } from '../../config/model.ts';
import { LOCAL } from '../../local-ca/names.ts';
import { constantOf } from '../../route/template.ts';
import { checkPair, pemIn } from '../check-certificates.ts';
import { stateDirOf } from '../read-config.ts';
import { type Check, type Finding, finder, type ReadSite, type Surroundings } from './check.ts';
import { isLoopback, plainPeers } from './machine-checks.ts';

const ports: Check = {
  name: 'ports',
  about: 'ports that somebody else has',
  async run({ whyPortUnusable }, site) {
    if (site === null || site.runs) return [];
    const { problem } = finder('ports');
    const found: Finding[] = [];
    for (const { host, port, path, at } of listensOf(site.model).values()) {
      if (path !== '' || port === 0) continue;
      const why = await whyPortUnusable(host === '*' || host === '' ? '0.0.0.0' : host, port);
      if (why !== undefined) found.push(split(why, at));
    }
    const processes = site.pool.groups.flatMap((group) => group.processes);
    for (const { launch, at, program } of processes) {
      if (launch.port === null) continue;
      const why = await whyPortUnusable('127.0.0.1', launch.port);
      if (why !== undefined)
        found.push(
          problem(`program ${program}: ${why.split(': ')[0]}`, 'stop that, or choose another first_port', at),
        );
    }
    return found;

    /** A sentence and its next step. */
    function split(why: string, at: string): Finding {
      const [what, ...fix] = why.split(': ');
      return problem(what, fix.join(': '), at);
    }
  },
};

const peers: Check = {
  name: 'peers',
  about: 'servers of this machine that are not there',
  async run({ accepts, addressesOf }, site) {
    if (site === null) return [];
    const found: Finding[] = [];
    const asked = new Set<string>();
    for (const { host, port, at } of plainPeers(site)) {
      const key = `${host}:${port}`;
      if (!isLoopback(host) || asked.has(key)) continue;
      asked.add(key);
      const addresses = host === 'localhost' ? await addressesOf(host) : [host.replace(/^\[|\]$/g, '')];
      const open = await Promise.all(addresses.map((address) => accepts(address, port)));
      if (!open.includes(true))
        found.push(
          finder('peers').problem(
            `nothing listens on ${key}: requests get 502`,
            'start the app, or let lbproxy start it: a program block, or lbproxy run -- COMMAND',
            at,
          ),
        );
    }
    return found;
  },
};

const DAY_MS = 24 * 3600_000;
const SOON_DAYS = 21;

const certificates: Check = {
  name: 'certificates',
  about: 'certificates that expire, and keys of others',
  run({ nowMs }, site) {
    const servers =
      site?.model.servers.filter(({ settings }) => settings.listens.some(({ ssl }) => ssl)) ?? [];
    const said = new Set<string>();
    return servers
      .flatMap((server) => ofServer(server, nowMs))
      .filter(({ what }) => !said.has(what) && said.add(what));
  },
};

function ofServer({ settings, at }: ServerModel, nowMs: number): Finding[] {
  const { problem, advice } = finder('certificates');
  const passphrases = pemIn(settings.sslPasswordFile);
  return settings.sslCertificate.flatMap((template, i): Finding[] => {
    const certificatePath = constantOf(template);
    const keyPath = constantOf(settings.sslCertificateKey[i] ?? '');
    if (!certificatePath || !keyPath || template === 'self-signed' || template === LOCAL) return [];
    const found: Finding[] = [];
    const say =
      (name: string) =>
      (what: string): void => {
        const [first, ...fix] = what.split(/[:;] /);
        found.push(problem(`${name} ${first}`, fix.join(': ') || 'name another file', at));
      };
    const onCertificate = say(certificatePath);
    checkPair({ certificatePath, keyPath }, passphrases, {
      onCertificate,
      onKey: say(keyPath),
      // The dates are looked at below.
      warnOfCertificate: () => {},
    });
    const days = daysLeft(pemIn(certificatePath), nowMs);
    const renew = 'renew it (certbot renew, or whoever made it), then lbproxy -s reload';
    if (days !== undefined && days < 0)
      found.push(problem(`${certificatePath} has expired: browsers refuse it`, renew, at));
    else if (days !== undefined && days < SOON_DAYS)
      found.push(advice(`${certificatePath} expires in ${Math.floor(days)} days`, renew, at));
    return found;
  });
}

function daysLeft(pem: string, nowMs: number): number | undefined {
  try {
    return (Date.parse(new X509Certificate(pem).validTo) - nowMs) / DAY_MS;
  } catch {
    return undefined;
  }
}

const TRUST_FILES = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE'] as const;
const SYSTEM_STORES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/cert.pem',
  '/etc/ssl/ca-bundle.pem',
];

const trust: Check = {
  name: 'trust',
  about: 'certificates of authorities that programs believe',
  run(here, site) {
    return [
      ...brokenVariables(here),
      ...missingStore(here),
      ...(site === null ? [] : ownCertificates(here, site)),
    ];
  },
};

/** Those that lbproxy makes: believed by nobody, or by whom they were made known to. */
function ownCertificates(here: Surroundings, { model }: ReadSite): Finding[] {
  const { advice } = finder('trust');
  const secure = model.servers.filter(({ settings }) => settings.listens.some(({ ssl }) => ssl));
  const self = secure.find(({ settings }) => settings.sslCertificate.includes('self-signed'));
  const found: Finding[] = [];
  if (self !== undefined)
    found.push(
      advice(
        'no browser believes a self-signed certificate',
        `write ssl_certificate ${LOCAL}, then run lbproxy trust`,
        self.at,
      ),
    );
  const local = secure.find(({ settings }) => settings.sslCertificate.includes(LOCAL));
  const stores = local === undefined ? [] : here.distrustedBy(stateDirOf(model));
  if (local === undefined || stores?.length === 0) return found;
  const who =
    stores === null
      ? 'nobody believes local certificates yet'
      : `local certificates are not believed by: ${stores.join(', ')}`;
  return [...found, advice(who, 'run lbproxy trust', local.at)];
}

function brokenVariables({ env, readFile }: Surroundings): Finding[] {
  const { problem } = finder('trust');
  return TRUST_FILES.flatMap((name) => {
    const path = env[name] ?? '';
    if (path === '') return [];
    const text = readFile(path);
    const fix = `unset ${name}, or let it name a file of certificates in PEM`;
    if (text === undefined) return [problem(`${name} names ${path}, which cannot be read`, fix)];
    return text.includes('-----BEGIN ')
      ? []
      : [problem(`${name} names ${path}, which holds no certificate`, fix)];
  });
}

/** Small images have none; then nothing made by a public authority is believed by curl and Python. */
function missingStore({ platform, readFile }: Surroundings): Finding[] {
  if (platform !== 'linux' || SYSTEM_STORES.some((path) => readFile(path) !== undefined)) return [];
  return [
    finder('trust').advice(
      'this machine has no certificates of public authorities: curl, Python and their like believe no https site',
      'apt-get install ca-certificates, or apk add ca-certificates',
    ),
  ];
}

export const SITE_CHECKS: readonly Check[] = [ports, peers, certificates, trust];
