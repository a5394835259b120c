// A list of which only what is in sight stands in the page. Rows are of one height; keys move the choice.
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

export const ROW_HEIGHT = 30;
const BEYOND = 8;

export interface VirtualListProps<T> {
  readonly label: string;
  readonly items: readonly T[];
  readonly idOf: (item: T) => string;
  readonly chosen: string | null;
  readonly onChoose: (item: T) => void;
  readonly row: (item: T) => ComponentChildren;
  readonly head: ComponentChildren;
  readonly empty: ComponentChildren;
}

export function VirtualList<T>(props: VirtualListProps<T>) {
  const { label, items, idOf, chosen, onChoose, row, head, empty } = props;
  const box = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const height = useSignal(600);
  useHeight(box, height);
  useSteadyView(box, items, idOf);
  const first = Math.max(0, Math.floor(top.value / ROW_HEIGHT) - BEYOND);
  const last = Math.min(items.length, first + Math.ceil(height.value / ROW_HEIGHT) + 2 * BEYOND);
  const at = items.findIndex((item) => idOf(item) === chosen);
  const onKey = (event: KeyboardEvent): void => {
    const to = placeAfter(event.key, at, items.length, height.value);
    if (to === null) return;
    event.preventDefault();
    onChoose(items[to]);
    reveal(box.current, to);
  };
  return (
    <div
      class="grid"
      ref={box}
      role="grid"
      aria-label={label}
      aria-rowcount={items.length + 1}
      aria-activedescendant={at >= first && at < last ? `row-${chosen}` : undefined}
      tabIndex={0}
      onKeyDown={onKey}
      onScroll={(event) => {
        top.value = event.currentTarget.scrollTop;
      }}
    >
      <div class="grid-head" role="row" aria-rowindex={1}>
        {head}
      </div>
      {items.length === 0 ? (
        <div role="row" class="grid-empty">
          <div role="gridcell">{empty}</div>
        </div>
      ) : (
        <div role="rowgroup" class="grid-body" style={{ height: `${items.length * ROW_HEIGHT}px` }}>
          {items.slice(first, last).map((item, i) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the list has the keys
            <div
              key={idOf(item)}
              id={`row-${idOf(item)}`}
              role="row"
              class="grid-row"
              aria-rowindex={first + i + 2}
              aria-selected={idOf(item) === chosen}
              style={{ transform: `translateY(${(first + i) * ROW_HEIGHT}px)` }}
              onClick={() => onChoose(item)}
            >
              {row(item)}
            </div>
          ))}
        </div>
      )}
    </div>
  );
}

function useHeight(box: { current: HTMLDivElement | null }, height: { value: number }): void {
  useLayoutEffect(() => {
    if (box.current === null) return;
    const observer = new ResizeObserver(([entry]) => {
      height.value = entry.contentRect.height;
    });
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
}

/** Rows that come above what somebody reads do not move it. */
function useSteadyView<T>(
  box: { current: HTMLDivElement | null },
  items: readonly T[],
  idOf: (item: T) => string,
): void {
  const before = useRef<string | null>(null);
  useLayoutEffect(() => {
    const element = box.current;
    const added = before.current === null ? 0 : items.findIndex((item) => idOf(item) === before.current);
    if (element !== null && added > 0 && element.scrollTop > 0) element.scrollTop += added * ROW_HEIGHT;
    before.current = items.length === 0 ? null : idOf(items[0]);
  }, [items]);
}

/** Where a key leads; null for one that leads nowhere. */
function placeAfter(key: string, at: number, length: number, height: number): number | null {
  if (length === 0) return null;
  const page = Math.max(1, Math.floor(height / ROW_HEIGHT) - 1);
  const steps: Readonly<Record<string, number>> = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    PageDown: at + page,
    PageUp: at - page,
    Home: 0,
    End: length - 1,
    Enter: at,
  };
  const to = steps[key];
  return to === undefined ? null : Math.min(length - 1, Math.max(0, to));
}

/** The head stays in sight, and is as high as a row. */
function reveal(element: HTMLDivElement | null, place: number): void {
  if (element === null) return;
  const from = place * ROW_HEIGHT;
  const seen = element.clientHeight - ROW_HEIGHT;
  if (from < element.scrollTop) element.scrollTop = from;
  else if (from + ROW_HEIGHT > element.scrollTop + seen) element.scrollTop = from + ROW_HEIGHT - seen;
}
