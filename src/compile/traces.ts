// Where the spans of a configuration go: one exporter, and what is called at the end of exchanges. None where nothing is traced.
import { readFileSync } from 'node:fs';
import { levelsOf } from '../config/levels.ts';
import type { Model, Settings } from '../config/model.ts';
import { setsItself } from '../config/settings.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { samplerOf } from '../features/otel/otel.ts';
import { SpanExporter } from '../observe/trace/exporter.ts';
import { requestFrame } from '../observe/trace/otlp.ts';
import { createTracing } from '../observe/trace/tracer.ts';
import { compileTemplate, toBytes, type VariableLookup } from '../route/template.ts';
import { VERSION } from '../version.ts';
import { CompileError } from './compile-error.ts';
import { type CountedPlace, locationLabel } from './traffic-series.ts';

export class Traces {
  readonly exporter: SpanExporter;
  readonly #lookup: VariableLookup;

  constructor(exporter: SpanExporter, lookup: VariableLookup) {
    this.exporter = exporter;
    this.#lookup = lookup;
  }

  /** What is called when an exchange of the level is over. */
  of({ match, settings }: Omit<CountedPlace, 'server'>): (x: Exchange) => void {
    const lookup = this.#lookup;
    const { otelSpanName, otelSpanAttrs } = settings;
    return createTracing(this.exporter, {
      route: match === null ? '' : toBytes(locationLabel(match)),
      name: otelSpanName === '' ? null : compileTemplate(otelSpanName, lookup),
      attributes: otelSpanAttrs.map(([name, value]) => [toBytes(name), compileTemplate(value, lookup)]),
      samples: samplerOf({ settings, lookup }),
    });
  }
}

/** Null where nothing is traced. Throws a CompileError. */
export function createTraces(
  model: Model,
  lookup: VariableLookup,
  report: (message: string) => void,
): Traces | null {
  const { otelExporter, otelServiceName, otelResourceAttrs } = model.settings;
  if (otelExporter === null || !traces(model)) return null;
  const { trustedCertificate } = otelExporter;
  const resource = { ...Object.fromEntries(otelResourceAttrs), 'service.name': otelServiceName };
  const exporter = new SpanExporter({
    ...otelExporter,
    trusted: trustedCertificate === '' ? null : readCertificate(trustedCertificate),
    frame: requestFrame(asBytes(resource), { name: 'lbproxy', version: VERSION }),
    report,
  });
  return new Traces(exporter, lookup);
}

function asBytes(texts: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).map(([name, value]) => [name, toBytes(value)]));
}

function readCertificate(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CompileError('', `trusted_certificate of otel_exporter: ${(error as Error).message}`);
  }
}

function traces(model: Model): boolean {
  const says = (settings: Settings): boolean =>
    setsItself(settings, 'otelTrace') && settings.otelTrace !== 'off';
  return (
    says(model.settings) ||
    model.servers.some((server) => levelsOf(server, true).some(({ settings }) => says(settings)))
  );
}
