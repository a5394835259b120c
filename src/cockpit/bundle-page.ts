// Makes the page: one HTML file with its script and its style in it, so that nothing else is asked for.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = (name: string): string => fileURLToPath(new URL(`./page/${name}`, import.meta.url));

export async function bundlePage(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [here('main.tsx')],
    bundle: true,
    minify: true,
    write: false,
    outdir: here(''),
    format: 'iife',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    loader: { '.css': 'css' },
    legalComments: 'none',
  });
  const textOf = (end: string): string => outputFiles.find(({ path }) => path.endsWith(end))?.text ?? '';
  const html = await readFile(here('index.html'), 'utf8');
  return html
    .replace('<!-- style -->', () => `<style>${textOf('.css')}</style>`)
    .replace(
      '<!-- script -->',
      () => `<script type="module">${textOf('.js').replaceAll('</script', '<\\/script')}</script>`,
    );
}
