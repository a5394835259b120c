// A request as a command, or as code, that sends it again.
import type { Shown } from './listed.ts';

export type CopyForm = 'curl' | 'fetch' | 'httpie';

export const COPY_FORMS: readonly CopyForm[] = ['curl', 'fetch', 'httpie'];

type Field = readonly [name: string, value: string];

/** Made anew by whoever sends it. */
const FRAMING = /^(?:content-length|transfer-encoding|connection|host|keep-alive|expect)$/i;

export function copyAs(form: CopyForm, request: Shown): string {
  const fields = fieldsOf(request.requestHead).filter(([name]) => !FRAMING.test(name));
  const { form: shape, text } = request.requestBody;
  const body = shape === 'text' ? text : null;
  if (form === 'curl') return curl(request, fields, body);
  if (form === 'fetch') return fetchCall(request, fields, body);
  return httpie(request, fields, body);
}

/** What the text lacks; '' = nothing. */
export function whatIsMissing({ requestBody, requestHead }: Shown): string {
  const missing: string[] = [];
  if (requestBody.form === 'hex') missing.push('the body, which is no text');
  else if (requestBody.isCut) missing.push(`the body behind its first ${requestBody.text.length} characters`);
  if (requestHead.includes(': ********')) missing.push('the hidden values');
  return missing.length === 0 ? '' : `Not in it: ${missing.join(', ')}. A replay sends it whole.`;
}

export function urlOf({ secure, host, target }: Shown): string {
  return /^https?:\/\//i.test(target) ? target : `${secure ? 'https' : 'http'}://${host}${target}`;
}

export function fieldsOf(head: string): Field[] {
  const lines = head.split('\r\n').slice(1);
  return lines.flatMap((line) => {
    const colon = line.indexOf(':');
    return colon < 1 ? [] : [[line.slice(0, colon), line.slice(colon + 1).trim()] as const];
  });
}

function curl(request: Shown, fields: readonly Field[], body: string | null): string {
  const { method } = request;
  const parts = [`curl ${shellWord(urlOf(request))}`];
  if (method === 'HEAD') parts.push('-I');
  else if (method !== (body === null ? 'GET' : 'POST')) parts.push(`-X ${shellWord(method)}`);
  for (const [name, value] of fields)
    parts.push(`-H ${shellWord(value === '' ? `${name};` : `${name}: ${value}`)}`);
  if (body !== null) parts.push(`--data-raw ${shellWord(body)}`);
  return parts.join(' \\\n  ');
}

function fetchCall(request: Shown, fields: readonly Field[], body: string | null): string {
  const options: Record<string, unknown> = { method: request.method };
  if (fields.length > 0) options.headers = fields;
  if (body !== null) options.body = body;
  return `await fetch(${JSON.stringify(urlOf(request))}, ${JSON.stringify(options, null, 2)});`;
}

function httpie(request: Shown, fields: readonly Field[], body: string | null): string {
  const parts = [`http ${shellWord(request.method)} ${shellWord(urlOf(request))}`];
  for (const [name, value] of fields) parts.push(shellWord(value === '' ? `${name};` : `${name}:${value}`));
  if (body !== null) parts.push(`--raw ${shellWord(body)}`);
  return parts.join(' \\\n  ');
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
