// The live view's page: one file with all that it needs, made when lbproxy was built. Run from its sources, lbproxy makes it when it is
// first asked for.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

export interface Page {
  readonly html: string;
  /** Content-Security-Policy: nothing but what is in the page, and calls to where it came from. */
  readonly policy: string;
}

/** Beside the files that run. */
const BUILT = ['./live-view.html', '../live-view.html'].map((name) => new URL(name, import.meta.url));

let made: Promise<Page> | null = null;

export function livePage(): Promise<Page> {
  made ??= makePage().catch((error: Error) => {
    made = null;
    throw error;
  });
  return made;
}

async function makePage(): Promise<Page> {
  const html = await readFile(BUILT[0], 'utf8')
    .catch(() => readFile(BUILT[1], 'utf8'))
    .catch(() => buildPage());
  const scripts = [...html.matchAll(/<script[^>]*>(.*?)<\/script>/gs)].map(([, text]) => hashOf(text));
  const styles = [...html.matchAll(/<style[^>]*>(.*?)<\/style>/gs)].map(([, text]) => hashOf(text));
  const policy = [
    "default-src 'none'",
    `script-src ${scripts.join(' ')}`,
    `style-src ${styles.join(' ')}`,
    "style-src-attr 'unsafe-inline'",
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  return { html, policy };
}

async function buildPage(): Promise<string> {
  const { bundlePage } = await import('./bundle-page.ts');
  return bundlePage();
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text, 'utf8').digest('base64')}'`;
}
