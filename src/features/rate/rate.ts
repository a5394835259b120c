// The head's half of limit_rate: which rate an answer has. A peer may ask for one where none is configured.
import { parseSize } from '../../config/units.ts';
import type { Exchange, Filter } from '../../exchange/exchange.ts';
import { JOIN, PASS } from '../../exchange/slots.ts';
import { compileTemplate, constantOf } from '../../route/template.ts';
import type { Feature, FeaturePlace } from '../feature.ts';
import { RateLink } from './rate-link.ts';

export const RATE: Feature = {
  name: 'rate',
  filter: (place) => (place.settings.limitRate === '' && !place.setsRate ? null : createRate(place)),
};

/** The filter of a level, whether it limits anything by itself or not. */
export function createRate(place: FeaturePlace): Filter {
  const { limitRate, limitRateAfter } = place.settings;
  if (limitRate === '' && limitRateAfter === '') return UNCONFIGURED;
  return rateFilter(sizeOf(limitRate, place), sizeOf(limitRateAfter, place));
}

type Size = (x: Exchange) => number;

function rateFilter(rate: Size, after: Size): Filter {
  return {
    slot: 'rate',
    head(x) {
      if (x.isSub) return PASS;
      if (x.limitRate < 0) x.limitRate = rate(x);
      return x.limitRate === 0 ? PASS : JOIN;
    },
    join: (x, next) => new RateLink(x, next, { rate: x.limitRate, after: after(x) }),
  };
}

const UNCONFIGURED = rateFilter(
  () => 0,
  () => 0,
);

function sizeOf(template: string, place: FeaturePlace): Size {
  const constant = constantOf(template);
  if (constant !== undefined) {
    const bytes = parseSize(constant) ?? 0;
    return () => bytes;
  }
  const text = compileTemplate(template, place.lookup);
  return (x) => {
    const given = text(x);
    const bytes = parseSize(given);
    if (bytes === undefined) place.report(x, 'error', `invalid size "${given}"`);
    return bytes ?? 0;
  };
}
