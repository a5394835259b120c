// Checks of what frameworks want of a proxy in front of them: Django's scheme, Tornado's origin.
import { join } from 'node:path';
import { levelsOf } from '../../config/levels.ts';
import type { ServerModel, Settings } from '../../config/model.ts';
import type { Check, ReadSite, Surroundings } from './check.ts';
import { finder } from './check.ts';

/** The text of the first file of the project with such a name. */
function textOf(
  { readFile }: Surroundings,
  { model, pool }: ReadSite,
  names: readonly string[],
): string | undefined {
  const own = pool.groups.flatMap(({ processes }) => processes.map(({ launch }) => launch.directory));
  for (const directory of new Set([model.prefix, ...own]))
    for (const name of names) {
      const text = readFile(join(directory, name));
      if (text !== undefined) return text;
    }
  return undefined;
}

/** Levels that pass requests by HTTP, with the servers that they are in. */
function passing({
  model,
}: ReadSite): { readonly server: ServerModel; readonly at: string; readonly settings: Settings }[] {
  return model.servers.flatMap((server) =>
    levelsOf(server, true)
      .filter(({ settings }) => settings.proxyPass !== null && /^https?:/.test(settings.proxyPass.url))
      .map(({ at, settings }) => ({ server, at, settings })),
  );
}

const sets = ({ proxySetHeader }: Settings, name: string): string | undefined =>
  proxySetHeader.find(([each]) => each.toLowerCase() === name)?.[1];

const django: Check = {
  name: 'django',
  about: 'what Django needs to know of https',
  run(here, site) {
    if (site === null || !/django/i.test(textOf(here, site, ['manage.py']) ?? '')) return [];
    const { problem } = finder('django');
    const secure = passing(site).filter(({ server }) => server.settings.listens.some(({ ssl }) => ssl));
    const bare = secure.find(({ settings }) => sets(settings, 'x-forwarded-proto') === undefined);
    if (bare !== undefined)
      return [
        problem(
          'Django is not told that clients come by https: its redirects lead to http, and forms end in 403 (CSRF)',
          "add proxy_set_header X-Forwarded-Proto $scheme, and SECURE_PROXY_SSL_HEADER = ('HTTP_X_FORWARDED_PROTO', 'https') to the settings",
          bare.at,
        ),
      ];
    const settings = secure.length === 0 ? undefined : djangoSettings(here, site);
    if (settings === undefined || settings.includes('SECURE_PROXY_SSL_HEADER')) return [];
    return [
      problem(
        'Django does not look at X-Forwarded-Proto: its redirects lead to http, and forms end in 403 (CSRF)',
        "add SECURE_PROXY_SSL_HEADER = ('HTTP_X_FORWARDED_PROTO', 'https') and CSRF_TRUSTED_ORIGINS to the settings",
        secure[0].at,
      ),
    ];
  },
};

/** The settings that manage.py names. */
function djangoSettings(here: Surroundings, site: ReadSite): string | undefined {
  const manage = textOf(here, site, ['manage.py']) ?? '';
  const module = /DJANGO_SETTINGS_MODULE["'],\s*["']([\w.]+)["']/.exec(manage)?.[1];
  return module === undefined ? undefined : textOf(here, site, [`${module.replaceAll('.', '/')}.py`]);
}

const SCRIPTS = ['app.py', 'main.py', 'server.py', 'serv.py', 'run.py', 'application.py'];

const tornado: Check = {
  name: 'tornado',
  about: 'the origin that Tornado compares with Host',
  run(here, site) {
    if (site === null) return [];
    const scripts = [...SCRIPTS, ...scriptsOf(site)];
    const text = scripts.map((name) => textOf(here, site, [name]) ?? '').join('\n');
    if (!/\bWebSocketHandler\b/.test(text) || /def check_origin/.test(text)) return [];
    const wrong = passing(site).find(
      ({ settings }) => !/\$(?:http_)?host\b/.test(sets(settings, 'host') ?? ''),
    );
    if (wrong === undefined) return [];
    return [
      finder('tornado').problem(
        "Tornado's WebSocketHandler.check_origin compares Origin with Host, and gets the name of the upstream as Host: browsers are refused with 403",
        'add proxy_set_header Host $http_host',
        wrong.at,
      ),
    ];
  },
};

/** Scripts that programs name. */
function scriptsOf({ pool }: ReadSite): string[] {
  return pool.groups.flatMap(({ processes }) =>
    processes.flatMap(({ launch }) => launch.argv.filter((word) => word.endsWith('.py'))),
  );
}

export const FRAMEWORK_CHECKS: readonly Check[] = [django, tornado];
