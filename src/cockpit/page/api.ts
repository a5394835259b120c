// Calls to lbproxy. The token comes in the address's fragment, which no browser sends anywhere, and stays with this tab.
import { signal } from '@preact/signals';

const KEY = 'lbproxy-token';
const TOKEN = /(?:^|#)([A-Za-z0-9_-]{32,})$/;
const LIMIT_MS = 130_000;

/** '' = nobody gave one. */
export const token = signal(sessionStorage.getItem(KEY) ?? '');
/** The token was refused. */
export const isRefused = signal(false);

/** Takes a token out of a fragment, or out of what somebody pasted; false where there is none. */
export function takeToken(text: string): boolean {
  const found = TOKEN.exec(text.trim())?.[1];
  if (found === undefined) return false;
  sessionStorage.setItem(KEY, found);
  isRefused.value = false;
  token.value = found;
  return true;
}

/** What lbproxy answered to a call that it did not do. */
export class CallProblem extends Error {}

/** lbproxy did not answer. */
export class Unreachable extends Error {}

async function call(
  path: string,
  init: RequestInit,
  signal = AbortSignal.timeout(LIMIT_MS),
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(`/api/${path}`, {
      ...init,
      headers: { ...init.headers, Authorization: `Bearer ${token.value}` },
      signal,
      cache: 'no-store',
    });
  } catch (error) {
    throw new Unreachable(`lbproxy does not answer (${(error as Error).message})`);
  }
  if (response.status === 401) isRefused.value = true;
  if (response.ok) return response;
  const text = await response.text();
  throw new CallProblem(problemOf(text) ?? `${response.status}: ${text.trim()}`);
}

function problemOf(text: string): string | null {
  try {
    const { problem } = JSON.parse(text) as { problem?: unknown };
    return typeof problem === 'string' ? problem : null;
  } catch {
    return null;
  }
}

export async function read<T>(path: string): Promise<T> {
  return (await (await call(path, {})).json()) as T;
}

/** The body as it comes, until the signal breaks it off. */
export async function openStream(
  path: string,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const { body } = await call(path, {}, signal);
  if (body === null) throw new Unreachable('the stream has no body');
  return body;
}

export async function readText(path: string): Promise<string> {
  return (await call(path, {})).text();
}

export async function change<T>(path: string, body: unknown): Promise<T> {
  const init = {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  };
  return (await (await call(path, init)).json()) as T;
}
