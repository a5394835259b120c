// The lines of an `otel_exporter` block, as setExporter of ngx_otel_module reads them. Every problem is told with its place.
import type { Problems } from '../../config/problem.ts';
import type { Directive } from '../../config/tree.ts';
import { parseCount, parseTime } from '../../config/units.ts';
import type { OtelExporter } from './rows.ts';

type Draft = { -readonly [K in keyof OtelExporter]: OtelExporter[K] };

export interface ExporterReading {
  readonly problems: Problems;
  resolvePath(path: string): string;
}

/** How many words each line has. */
const WORDS: Readonly<Record<string, number>> = {
  endpoint: 1,
  trusted_certificate: 1,
  header: 2,
  interval: 1,
  batch_size: 1,
  batch_count: 1,
};

/** Spans that may wait take memory: some kilobytes each. */
const MOST_SPANS = 100_000;

/** Undefined after a problem that leaves nothing of the block. */
export function readExporter(directive: Directive, cx: ExporterReading): OtelExporter | undefined {
  const { problems } = cx;
  const draft: Draft = {
    endpoint: '',
    trustedCertificate: '',
    headers: [],
    intervalMs: 5000,
    batchSize: 512,
    batchCount: 4,
  };
  const seen = new Set<string>();
  for (const line of directive.block ?? []) {
    const { name, args, at } = line;
    const words = Object.hasOwn(WORDS, name) ? WORDS[name] : undefined;
    if (words === undefined)
      problems.error(at, `"${name}" is not in otel_exporter; there are ${Object.keys(WORDS).join(', ')}`);
    else if (args.length !== words)
      problems.error(
        at,
        `"${name}" of otel_exporter takes ${words === 1 ? 'one value' : 'a name and a value'}`,
      );
    else if (name !== 'header' && seen.has(name))
      problems.error(at, `"${name}" stands in this otel_exporter before; keep one`);
    else readLine(draft, line, cx);
    seen.add(name);
  }
  if (draft.endpoint === '' && !seen.has('endpoint'))
    return problems.error(
      directive.at,
      'otel_exporter needs an endpoint, such as endpoint http://127.0.0.1:4318/v1/traces;',
    );
  if (draft.batchSize * draft.batchCount > MOST_SPANS)
    problems.error(
      directive.at,
      `batch_size × batch_count of otel_exporter is more than ${MOST_SPANS}: so many spans would wait in memory`,
    );
  return draft.endpoint === '' ? undefined : draft;
}

const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
/** What a value of a field may hold. */
const VALUE = /^[\t\x20-\x7e]*$/;

function readLine(draft: Draft, { name, args }: Directive, { problems, resolvePath }: ExporterReading): void {
  const [{ text, at }] = args;
  switch (name) {
    case 'endpoint':
      draft.endpoint = readEndpoint(text, at, problems) ?? '';
      return;
    case 'trusted_certificate':
      draft.trustedCertificate = resolvePath(text);
      return;
    case 'header': {
      const value = args[1].text;
      if (!TOKEN.test(text)) problems.error(at, `"${text}" is no name of a field`);
      else if (!VALUE.test(value)) problems.error(args[1].at, `"${value}" is no value of a field`);
      else draft.headers = [...draft.headers, [text, value]];
      return;
    }
    case 'interval': {
      const ms = parseTime(text);
      if (ms === undefined || ms === 0) problems.error(at, `"${text}" is not a time such as 5s or 500ms`);
      else draft.intervalMs = ms;
      return;
    }
    default: {
      const count = parseCount(text, 1, MOST_SPANS);
      if (count === undefined) problems.error(at, `"${text}" is not a whole number from 1 to ${MOST_SPANS}`);
      else if (name === 'batch_size') draft.batchSize = count;
      else draft.batchCount = count;
    }
  }
}

function readEndpoint(text: string, at: Directive['at'], problems: Problems): string | undefined {
  const given = text.includes('://') ? text : `http://${text}`;
  const url = /^https?:/i.test(given) && URL.canParse(given) ? new URL(given) : null;
  if (url === null || url.hostname === '' || url.username !== '' || /[\s#]/.test(text))
    return problems.error(at, `"${text}" is no endpoint; write one such as http://127.0.0.1:4318/v1/traces`);
  if (url.port === '4317')
    problems.warn(
      at,
      'port 4317 is where collectors take gRPC; lbproxy sends OTLP over HTTP, which is port 4318',
    );
  if (url.pathname === '/') url.pathname = '/v1/traces';
  return url.href;
}
