// The page of a control server in a browser: all processes with their states, and buttons for what can be done with each. Plain HTML
// without scripts; what changes something is a form with POST, which control-access.ts takes only from this very page.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { readBody, refuse, send } from './control-answers.ts';
import type { ProcessView } from './face.ts';
import { RpcFault } from './rpc-faults.ts';
import { describe } from './rpc-info.ts';
import { callMethod } from './rpc-methods.ts';
import { allByName, namespec, type RpcContext } from './rpc-names.ts';
import type { RpcValue } from './rpc-values.ts';

const HTML = {
  'Content-Type': 'text/html;charset=utf-8',
  'Cache-Control': 'no-store',
  'Content-Security-Policy':
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
} as const;

type Call = readonly [method: string, args: readonly RpcValue[]];

/** The calls behind a button. */
const ACTIONS: Readonly<Record<string, (name: string) => readonly Call[]>> = {
  start: (name) => [['startProcess', [name]]],
  stop: (name) => [['stopProcess', [name]]],
  restart: (name) => [
    ['stopProcess', [name]],
    ['startProcess', [name]],
  ],
  clearlog: (name) => [['clearProcessLogs', [name]]],
  stopall: () => [['stopAllProcesses', []]],
  restartall: () => [
    ['stopAllProcesses', []],
    ['startAllProcesses', []],
  ],
};

export async function answerPage(
  cx: RpcContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(`http://page${request.url?.startsWith('/') === true ? request.url : '/?'}`);
  const [path, method] = [url.pathname.replace(/^\/+/, ''), request.method ?? ''];
  const reads = method === 'GET' || method === 'HEAD';
  if (!reads && method !== 'POST') return refuse(response, 400, `the method ${method} is not taken here`);
  if (path === 'ok.html' && reads) return send(response, 200, { 'Content-Type': 'text/plain' }, 'OK');
  if (path === 'tail.html' && reads) return answerTail(cx, url.searchParams, response);
  if (path !== '' && path !== 'index.html')
    return refuse(response, reads ? 404 : 400, 'there is nothing here');
  if (reads) return send(response, 200, HTML, statusPage(cx, ''));
  const body = await readBody(request);
  if (body === undefined) return refuse(response, 413, 'the body is larger than 1 MB');
  const form = new URLSearchParams(body.toString('utf8'));
  const message = await act(cx, form.get('action') ?? '', form.get('processname') ?? '');
  send(response, 200, HTML, statusPage(cx, message));
}

async function act(cx: RpcContext, action: string, name: string): Promise<string> {
  const calls = Object.hasOwn(ACTIONS, action) ? ACTIONS[action](name) : [];
  const faults: string[] = [];
  for (const [method, args] of calls) {
    try {
      await callMethod(cx, `supervisor.${method}`, args);
    } catch (error) {
      if (!(error instanceof RpcFault)) throw error;
      faults.push(error.message);
    }
  }
  if (calls.length === 0) return `There is no action "${action}"`;
  return faults.length === 0 ? `Done: ${action} ${name}` : faults.join(', ');
}

async function answerTail(cx: RpcContext, query: URLSearchParams, response: ServerResponse): Promise<void> {
  const name = query.get('processname') ?? '';
  const limit = query.get('limit') ?? '';
  const bytes = /^\d{1,7}$/.test(limit) ? Math.max(1024, Number(limit)) : 1024;
  let text: string;
  try {
    text = String(await callMethod(cx, 'supervisor.readProcessStdoutLog', [name, -bytes, 0]));
  } catch (error) {
    if (!(error instanceof RpcFault)) throw error;
    text = error.message;
  }
  send(response, 200, HTML, page(`Log of ${name}`, `<pre>${escapeHtml(text)}</pre>`));
}

function statusPage(cx: RpcContext, message: string): string {
  const rows = allByName(cx.pool).map(({ process, name }) => rowOf(process.view, name));
  const table =
    rows.length === 0
      ? '<p>No programs to manage</p>'
      : `<table><tr><th>State</th><th>Description</th><th>Name</th><th>Action</th></tr>${rows.join('')}</table>`;
  const all = form('', ['restartall', 'Restart all'], ['stopall', 'Stop all']);
  const said = message === '' ? '' : `<p><strong>${escapeHtml(message)}</strong></p>`;
  return page('Programs', `${said}<p><a href="/">Refresh</a></p>${all}${table}`);
}

function rowOf(view: ProcessView, name: string): string {
  const path = encodeURIComponent(namespec(view.group, view.name));
  const state = view.state;
  const change: readonly (readonly [string, string])[] =
    state === 'RUNNING'
      ? [
          ['restart', 'Restart'],
          ['stop', 'Stop'],
        ]
      : state === 'STOPPED' || state === 'EXITED' || state === 'FATAL'
        ? [['start', 'Start']]
        : [];
  const tails = ['stdout', 'stderr']
    .map((channel) => `<a href="/logtail/${path}/${channel}" target="_blank">Tail -f ${channel}</a>`)
    .join(' ');
  return (
    `<tr><td class="${state}">${state.toLowerCase()}</td><td>${escapeHtml(describe(view, Date.now()))}</td>` +
    `<td><a href="/tail.html?processname=${path}">${escapeHtml(name)}</a></td>` +
    `<td>${form(name, ...change, ['clearlog', 'Clear log'])} ${tails}</td></tr>`
  );
}

function form(name: string, ...buttons: readonly (readonly [string, string])[]): string {
  const hidden = name === '' ? '' : `<input type="hidden" name="processname" value="${escapeHtml(name)}">`;
  const all = buttons.map(([action, label]) => `<button name="action" value="${action}">${label}</button>`);
  return `<form method="post" action="/">${hidden}${all.join(' ')}</form>`;
}

function page(title: string, body: string): string {
  const style =
    'body{font:15px sans-serif;margin:2em}form{display:inline}td,th{padding:.3em 1em;text-align:left}' +
    '.RUNNING{background:#cfc}.FATAL,.BACKOFF{background:#fcc}';
  return (
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escapeHtml(title)}</title>` +
    `<style>${style}</style><h1>${escapeHtml(title)}</h1>${body}</html>\n`
  );
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
