// What the features give to a level, each part in its slot's order; and where somebody looks on, what that puts in the place of each.
import { CORE_FILTERS } from '../answer/head-pass.ts';
import type { Content, Filter, Handler, LocationRuntime, Step } from '../exchange/exchange.ts';
import { CONTENTS, FILTERS, PHASES } from '../exchange/slots.ts';
import type { ContentPlace, FeaturePlace } from '../features/feature.ts';
import { FEATURES } from '../features/list.ts';
import type { Watch } from './watch.ts';

/** The filters of a location in their order; null where no feature has one. */
export function filtersOf(place: FeaturePlace, watch?: Watch): readonly Filter[] | null {
  const own = FEATURES.map((feature) => feature.filter?.(place) ?? null).filter((filter) => filter !== null);
  if (own.length === 0) return null;
  const all = inOrder([...own, ...CORE_FILTERS], FILTERS);
  return watch === undefined ? all : all.map((filter) => watch.filter(place, filter));
}

/** Gives a location no filters as long as all of them are idle. */
export function idling(location: LocationRuntime): LocationRuntime {
  const { filters } = location;
  if (filters === null) return location;
  const own = filters.filter(({ slot }) => !CORE_SLOTS.has(slot)).map(({ isIdle }) => isIdle);
  if (own.includes(undefined)) return location;
  const get = (): LocationRuntime['filters'] => (own.every((isIdle) => isIdle?.()) ? null : filters);
  return Object.defineProperty(location, 'filters', { get });
}

const CORE_SLOTS: ReadonlySet<Filter['slot']> = new Set(CORE_FILTERS.map(({ slot }) => slot));

export function ownVariablesOf(place: FeaturePlace): LocationRuntime['own'] {
  const own = FEATURES.map((feature) => feature.variables?.(place) ?? null).filter((each) => each !== null);
  return own.length === 0 ? null : Object.assign({}, ...own);
}

export function stepsOf(place: FeaturePlace, tryFiles: Step | null, watch?: Watch): readonly Step[] {
  const own = FEATURES.map((feature) => feature.step?.(place) ?? null);
  const steps = inOrder(
    [...own, tryFiles].filter((step) => step !== null),
    PHASES,
  );
  return watch === undefined ? steps : steps.map((step) => watch.step(place, step));
}

/** The contents that come before static files, and those. */
export function contentOf(place: ContentPlace, index: Content, files: Handler, watch?: Watch): Handler {
  const named = (name: string, content: Content | null): Content | null => {
    if (content === null || watch === undefined) return content;
    return { slot: content.slot, before: (next) => watch.content(place, name, content.before(next)) };
  };
  const own = FEATURES.map((feature) => named(feature.name, feature.content?.(place) ?? null));
  const contents = [named('index', index), ...own].filter((content) => content !== null);
  return inOrder(contents, CONTENTS).reduceRight(
    (next, content) => content.before(next),
    watch?.content(place, 'files', files) ?? files,
  );
}

function inOrder<S extends string, T extends { readonly slot: S }>(
  parts: readonly T[],
  slots: readonly S[],
): readonly T[] {
  return parts.toSorted((a, b) => slots.indexOf(a.slot) - slots.indexOf(b.slot));
}
