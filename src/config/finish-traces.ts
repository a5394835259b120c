// What only the whole Model shows of traces: a level that says whether it traces, and nowhere to send that.
import { levelsOf } from './levels.ts';
import type { Model, Settings } from './model.ts';
import { positionOf } from './places.ts';
import type { Problems } from './problem.ts';
import { setsItself } from './settings.ts';

/** As in ngx_otel_module also where it says off. */
export function checkTraces(model: Model, problems: Problems): void {
  if (model.settings.otelExporter !== null) return;
  const says = (settings: Settings): boolean => setsItself(settings, 'otelTrace');
  for (const server of model.servers) {
    const level = levelsOf(server, true).find(({ settings }) => says(settings));
    const at = level?.at ?? (says(model.settings) ? server.at : undefined);
    if (at === undefined) continue;
    problems.error(
      positionOf(at),
      '"otel_trace" needs an exporter: write otel_exporter { endpoint http://127.0.0.1:4318/v1/traces; } in http',
      '"otel_exporter" block is missing',
    );
    return;
  }
}
