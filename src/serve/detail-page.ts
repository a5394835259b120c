// The page that a browser shows with error_detail. It asks nobody else for anything; what others wrote stands in it escaped, and in ASCII.
import type { DetailedAttempt, ErrorDetail } from './error-detail.ts';
import { escapeHtml } from './escape-html.ts';

const STYLE =
  ':root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{max-width:56rem;margin:2rem auto;padding:0 1rem}' +
  'h1{font-size:1.4rem;margin:0 0 .5rem}h2{font-size:1rem;margin:1.5rem 0 0}pre,table,dl{margin:.5rem 0 1rem}pre{overflow:auto;padding:.75rem;border:1px solid #8886;border-radius:4px}' +
  'table{border-collapse:collapse;display:block;overflow:auto}td,th{padding:.25rem .75rem .25rem 0;text-align:left;vertical-align:top}' +
  'dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem}dd{margin:0;overflow-wrap:anywhere}dt,th,footer{opacity:.7;font-weight:400}' +
  '.what{font-size:1.1rem;overflow-wrap:anywhere}';

/** Asks each second; a page that was answered otherwise is loaded anew. One request at a time, however long it takes. */
const RETRY =
  '(function(){function later(){setTimeout(ask,1000)}function ask(){' +
  'fetch(location.href,{method:"HEAD",cache:"no-store",redirect:"manual",headers:{Accept:"text/html"}})' +
  '.then(function(r){if(r.status<502||r.status>504)location.reload();else later()},later)}' +
  'if(window.fetch){document.getElementById("retry").hidden=false;later()}})()';

export function detailPage(detail: ErrorDetail, serverName: string): string {
  const title = escapeHtml(`${detail.status} ${detail.reason}`.trim());
  const parts = [
    `<!DOCTYPE html>\r\n<html lang="en">\r\n<head><meta name="viewport" content="width=device-width"><title>${title}</title>`,
    `<style>${STYLE}</style></head>\r\n<body>\r\n<h1>${title}</h1>\r\n`,
    `<p class="what">${escapeHtml(detail.problem)}</p>\r\n`,
    detail.next === '' ? '' : `<p>${escapeHtml(detail.next)}</p>\r\n`,
    detail.retries
      ? '<p id="retry" role="status" hidden>This page loads anew by itself when there is another answer.</p>\r\n'
      : '',
    detail.output.length === 0
      ? ''
      : `<h2>What the program wrote last</h2>\r\n<pre>${detail.output.map(escapeHtml).join('\r\n')}</pre>\r\n`,
    attemptsTable(detail.attempts),
    `<dl><dt>request</dt><dd><code>${escapeHtml(`${detail.method} ${detail.uri}`)}</code></dd>`,
    detail.at === '' ? '' : `<dt>configuration</dt><dd><code>${escapeHtml(detail.at)}</code></dd>`,
    `</dl>\r\n<footer>${escapeHtml(serverName)}; error_detail is on</footer>\r\n`,
    detail.retries ? `<script>${RETRY}</script>\r\n` : '',
    '</body>\r\n</html>\r\n',
  ];
  return parts.join('');
}

function attemptsTable(attempts: readonly DetailedAttempt[]): string {
  if (attempts.length === 0) return '';
  const rows = attempts.map(({ peer, upstream, outcome, cause, status, ...times }) => {
    const what = outcome === 'ok' ? `answered ${status}` : outcome;
    const cells = [
      upstream === '' || upstream === peer ? peer : `${peer} of ${upstream}`,
      cause === '' ? what : `${what}: ${cause}`,
      ...[times.connectMs, times.headMs, times.totalMs].map((ms) => (ms < 0 ? '-' : `${ms} ms`)),
    ];
    return `<tr>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')}</tr>\r\n`;
  });
  const heads = ['peer', 'what came of it', 'connected', 'head', 'ended'].map((name) => `<th>${name}</th>`);
  return `<h2>Attempts</h2>\r\n<table><tr>${heads.join('')}</tr>\r\n${rows.join('')}</table>\r\n`;
}
