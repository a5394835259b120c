// Text as HTML.

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as HTML in ASCII: whatever charset a browser assumes, it reads the same. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']|[^\x20-\x7e]/gu, (c) => {
    const code = c.codePointAt(0) ?? 0;
    return ENTITIES[c] ?? (code < 32 || code === 127 ? ' ' : `&#${code};`);
  });
}
