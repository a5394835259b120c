// A chart of lines over the last five minutes. Its legend has the newest values, or those under the pointer.
import { signal, useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { isDark } from './theme.ts';

const HEIGHT = 160;
const SPAN_S = 300;

export interface Line {
  readonly name: string;
  /** Of the palette in style.css. */
  readonly colour: string;
  readonly values: readonly (number | null)[];
}

export interface ChartProps {
  readonly title: string;
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly shown: (value: number) => string;
  /** The scale goes at least so far. */
  readonly least: number;
}

/** All charts show the same moment. */
const pointed = signal<number | null>(null);

export function Chart(props: ChartProps) {
  const { title, times, lines, shown } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const width = useSignal(0);
  const dark = isDark();
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const made = new uPlot(optionsOf(props, element), dataOf(times, lines), element);
    plot.current = made;
    const observer = new ResizeObserver(([entry]) => {
      width.value = Math.floor(entry.contentRect.width);
      made.setSize({ width: width.value, height: HEIGHT });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [dark, lines.map(({ name }) => name).join()]);
  useLayoutEffect(() => {
    plot.current?.setData(dataOf(times, lines));
  }, [times, lines]);
  const at = pointed.value ?? times.length - 1;
  const texts = lines.map(({ values }) => {
    const value = values[at] ?? null;
    return value === null ? '–' : shown(value);
  });
  const said = lines.map(({ name }, i) => `${name} ${texts[i]}`).join(', ');
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <div ref={box} class="plot" role="img" aria-label={`${title}, last five minutes; now: ${said}`} />
      <ul class="legend" aria-hidden="true">
        {lines.map(({ name, colour }, i) => (
          <li key={name}>
            <span class="swatch" style={{ background: `var(--${colour})` }} />
            {name} <b>{texts[i]}</b>
          </li>
        ))}
      </ul>
    </figure>
  );
}

function dataOf(times: readonly number[], lines: readonly Line[]): uPlot.AlignedData {
  return [times as number[], ...lines.map(({ values }) => values as (number | null)[])];
}

function optionsOf({ lines, shown, least }: ChartProps, box: HTMLElement): uPlot.Options {
  const text = colourOf(box, 'dim');
  const grid = { stroke: colourOf(box, 'line'), width: 1 };
  const axis = { stroke: text, grid, ticks: grid, font: '11px system-ui, sans-serif' };
  return {
    width: Math.max(100, box.clientWidth),
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, sync: { key: 'lbproxy' }, drag: { x: false, y: false } },
    scales: {
      x: { range: (_plot, _from, to) => [(to ?? 0) - SPAN_S, to ?? 0] },
      y: { range: (_plot, _from, to) => [0, Math.max(least, (to ?? 0) * 1.15)] },
    },
    axes: [
      { ...axis, size: 24, space: 60, values: (_plot, at) => at.map(minuteOf) },
      { ...axis, size: 74, values: (_plot, values) => values.map(shown) },
    ],
    series: [
      {},
      ...lines.map(({ name, colour }) => ({
        label: name,
        stroke: colourOf(box, colour),
        width: 1.5,
        points: { show: false },
      })),
    ],
    hooks: {
      setCursor: [
        ({ cursor }) => {
          pointed.value = cursor.idx ?? null;
        },
      ],
    },
  };
}

function minuteOf(at: number): string {
  return new Date(at * 1000).toLocaleTimeString('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
}

/** A canvas does not know variables. */
function colourOf(box: HTMLElement, name: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(--${name})`;
  box.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
