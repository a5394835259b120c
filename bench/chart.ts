// CPU µs per request as bars, user and system stacked: one SVG that needs nothing else and reads in light and dark.
import type { Line } from './report.ts';
import type { Scenario } from './scenarios/scenario.ts';

const WIDTH = 760;
const LABEL_WIDTH = 150;
const VALUE_WIDTH = 60;
const BAR_HEIGHT = 16;
const ROW_HEIGHT = 22;
const TITLE_HEIGHT = 34;
const TOP = 64;

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2430; }
  .title { font-weight: 600; } .faint { fill: #667085; }
  .paper { fill: #ffffff; } .user { fill: #2f6fde; } .system { fill: #9dbff5; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6e9f0; } .faint { fill: #98a2b3; }
    .paper { fill: #14171f; } .user { fill: #6ea0f5; } .system { fill: #34558c; }
  }
`;

/** A block for each scenario that has CPU figures, with a scale of its own; undefined when none has. */
export function chart(
  scenarios: readonly Scenario[],
  lines: readonly Line[],
  caption: string,
): string | undefined {
  const parts: string[] = [];
  let y = TOP;
  for (const scenario of scenarios) {
    const own = lines.filter((line) => line.scenario === scenario.name && line.figures.cpuUs !== undefined);
    if (own.length === 0) continue;
    parts.push(text(16, y + 20, `${scenario.name}: ${scenario.about}`, 'title'));
    y += TITLE_HEIGHT;
    const greatest = Math.max(...own.map((line) => line.figures.cpuUs.median));
    for (const line of own) {
      parts.push(bar(line, y, greatest));
      y += ROW_HEIGHT;
    }
  }
  if (parts.length === 0) return undefined;
  const height = y + 16;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="CPU microseconds per request">
<style>${STYLE}</style>
<rect class="paper" width="${WIDTH}" height="${height}"/>
${text(16, 26, 'CPU µs per request, median of the rounds; less is better', 'title')}
${rect('user', WIDTH - 140, 15, 12)}
${text(WIDTH - 122, 26, 'user')}
${rect('system', WIDTH - 80, 15, 12)}
${text(WIDTH - 62, 26, 'system')}
${text(16, 46, caption, 'faint')}
${parts.join('\n')}
</svg>
`;
}

function bar({ contender, figures }: Line, y: number, greatest: number): string {
  const scale = (WIDTH - LABEL_WIDTH - VALUE_WIDTH - 32) / greatest;
  const user = (figures.userUs?.median ?? 0) * scale;
  const system = Math.max(0, figures.cpuUs.median * scale - user);
  const x = LABEL_WIDTH + 16;
  return [
    text(16, y + 13, contender),
    rect('user', x, y, user),
    rect('system', x + user, y, system),
    text(x + user + system + 6, y + 13, figures.cpuUs.median.toFixed(1), 'faint'),
  ].join('\n');
}

const rect = (name: string, x: number, y: number, width: number): string =>
  `<rect class="${name}" x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}"/>`;

const text = (x: number, y: number, content: string, name = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y}"${name === '' ? '' : ` class="${name}"`}>${escape(content)}</text>`;

const escape = (content: string): string =>
  content.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
