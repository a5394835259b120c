// Traces: decides once for each request whether its spans are told. Who tells them stands behind the road (observe/trace/).
import type { Exchange, Step } from '../../exchange/exchange.ts';
import { GO_ON, type StepResult } from '../../exchange/slots.ts';
import { EXTRACTS, traceOf } from '../../exchange/trace-of.ts';
import { compileTemplate, constantOf } from '../../route/template.ts';
import type { Feature, FeaturePlace } from '../feature.ts';

export const OTEL: Feature = {
  name: 'otel',
  step: (place) => (place.settings.otelTrace === 'off' ? null : new Sampling(samplerOf(place))),
  variables: ({ settings }) =>
    settings.otelTraceContext === 'extract' || settings.otelTraceContext === 'propagate'
      ? { [EXTRACTS]: () => '1' }
      : null,
};

export type Sampler = (x: Exchange) => boolean;

const isOn = (value: string): boolean => value === 'on' || value === '1';

/** Whether a location traces a request. */
export function samplerOf({ settings, lookup }: Pick<FeaturePlace, 'settings' | 'lookup'>): Sampler {
  const constant = constantOf(settings.otelTrace);
  if (constant !== undefined) return () => isOn(constant);
  const value = compileTemplate(settings.otelTrace, lookup);
  return (x) => isOn(value(x));
}

class Sampling implements Step {
  readonly slot = 'otel';
  readonly #sampler: Sampler;

  constructor(sampler: Sampler) {
    this.#sampler = sampler;
  }

  /** As in ngx_otel_module the first location decides: no internal redirect does, and no subrequest. */
  run(x: Exchange): StepResult {
    if (!x.isInternal && !x.isSub) traceOf(x).sampled ??= this.#sampler(x);
    return GO_ON;
  }
}
