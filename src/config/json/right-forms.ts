// Values in the form of other tools, or of a guess: what should have been written. Only for messages.
import { isIPv6 } from 'node:net';
import type { Node } from 'jsonc-parser';
import { describe, properties } from './values.ts';

/** The scalar values of an object by their keys. */
function scalars(node: Node): Map<string, string | number | boolean> {
  return new Map(
    properties(node)
      .filter(([, value]) => value.children === undefined && value.value !== null)
      .map(([key, value]) => [key.value, value.value]),
  );
}

function firstOf(values: ReadonlyMap<string, unknown>, keys: readonly string[]): unknown {
  return keys.map((key) => values.get(key)).find((value) => value !== undefined);
}

const quoted = (value: unknown): string => JSON.stringify(value);

const HOST_KEYS = ['host', 'hostname', 'ip', 'address', 'addr', 'server', 'name'] as const;
const URL_KEYS = ['url', 'uri', 'target', 'to', 'backend', 'upstream', 'dial'] as const;

/** `host`, `port` or `url` as one address; undefined where there is none of them. */
function addressIn(values: ReadonlyMap<string, unknown>): string | undefined {
  const url = firstOf(values, URL_KEYS);
  if (typeof url === 'string') return url.replace(/^[a-z]+:\/\//i, '').replace(/\/.*$/, '');
  const [host, port] = [firstOf(values, HOST_KEYS), values.get('port')];
  if (host === undefined && port === undefined) return undefined;
  const name = String(host ?? '127.0.0.1');
  const bare = isIPv6(name) ? `[${name}]` : name;
  return port === undefined ? bare : `${bare}:${port}`;
}

/** A server of an upstream that is neither text nor has an address: the address that is meant, and what is said. */
export function peerForm(node: Node): { readonly address: string; readonly message: string } | undefined {
  if (node.type === 'number' && Number.isInteger(node.value) && node.value > 0 && node.value < 65_536) {
    const address = `127.0.0.1:${node.value}`;
    return { address, message: `a server of an upstream is an address; write ${quoted(address)}` };
  }
  if (node.type !== 'object') return undefined;
  const values = scalars(node);
  const address = addressIn(values);
  if (address === undefined || (values.has('address') && !values.has('port'))) return undefined;
  const own = new Set<string>([...HOST_KEYS, ...URL_KEYS, 'port']);
  const more = [...values]
    .filter(([key]) => !own.has(key))
    .map(([key, value]) => `, ${quoted(key)}: ${quoted(value)}`);
  const form = `{ "address": ${quoted(address)}${more.join('')} }`;
  return { address, message: `a server has its address in one; write ${form}` };
}

/** What is said of a value that has the form of something else; undefined where it may be right. */
export function rightForm(key: string, name: string, node: Node): string | undefined {
  if (node.type === 'string') return endsWithSemicolon(name, node.value);
  if (name === 'proxy_set_header') return headerForm(key, node);
  if (node.type !== 'object') return undefined;
  const values = scalars(node);
  if (name === 'listen') return listenForm(values);
  if (name === 'proxy_pass') {
    const url = firstOf(values, [...URL_KEYS, ...HOST_KEYS]);
    return `"proxy_pass" is no object; write "proxy_pass": ${quoted(url ?? 'http://…')}`;
  }
  if (name === 'return') {
    const status = firstOf(values, ['code', 'status']);
    const text = firstOf(values, ['text', 'body', 'url', 'location', 'content']);
    if (status === undefined) return undefined;
    return `"return" is no object; write "return": ${text === undefined ? status : `[${status}, ${quoted(text)}]`}`;
  }
  return name === 'ssl' ? sslForm(values) : undefined;
}

const WITHOUT_SEMICOLON = /^(?:listen|server_name|root|alias|index|return|proxy_pass|rewrite|expires)$/;

function endsWithSemicolon(name: string, text: string): string | undefined {
  if (!WITHOUT_SEMICOLON.test(name) || !text.trimEnd().endsWith(';')) return undefined;
  return `a ";" ends nothing in JSON; write ${quoted(text.trimEnd().replace(/;+$/, ''))}`;
}

/** `{ "port": 443, "ssl": true }` */
function listenForm(values: ReadonlyMap<string, string | number | boolean>): string | undefined {
  const port = values.get('port');
  const host = firstOf(values, HOST_KEYS);
  if (port === undefined && host === undefined) return undefined;
  const flags = [...values]
    .filter(([, value]) => value === true)
    .map(([key]) => (/^(?:tls|https)$/.test(key) ? 'ssl' : key));
  const address = host === undefined ? `${port}` : addressIn(values);
  return `"listen" is text: write "listen": ${quoted([address, ...flags].join(' '))}`;
}

function sslForm(values: ReadonlyMap<string, unknown>): string {
  const certificate = firstOf(values, ['certificate', 'cert', 'crt']) ?? '…';
  const key = firstOf(values, ['key', 'certificate_key', 'private_key']) ?? '…';
  const pair = `"ssl_certificate": ${quoted(certificate)}, "ssl_certificate_key": ${quoted(key)}`;
  return `"ssl" is no object; write ${pair} and "listen": "443 ssl"`;
}

/** `[{ "name": "Host", "value": "$host" }]`, `["Host", "$host", "X-A", "b"]` */
function headerForm(key: string, node: Node): string | undefined {
  const children = node.children ?? [];
  const say = (name: unknown, value: unknown): string =>
    `"${key}" has its names as keys; write { ${quoted(name)}: ${quoted(value)} }`;
  if (node.type === 'object') {
    const values = scalars(node);
    const [name, value] = [firstOf(values, ['name', 'header', 'field']), values.get('value')];
    return name === undefined || value === undefined ? undefined : say(name, value);
  }
  const isWord = ({ type, value }: Node): boolean => type === 'string' && !/[\s:]/.test(value.trim());
  const pairs = children.length > 2 && children.length % 2 === 0;
  if (node.type !== 'array' || !pairs || !children.every((child, i) => i % 2 === 1 || isWord(child)))
    return undefined;
  return children.some(({ children: inner }) => inner !== undefined)
    ? undefined
    : say(children[0].value, children[1].value);
}

/** What is said of a block that is given as something else than an object. */
export function blockForm(key: string, name: string, node: Node): string {
  const first = node.type === 'array' ? node.children?.[0]?.value : node.value;
  const text = typeof first === 'string' && first !== '' ? first : undefined;
  if (name === 'server' && /^\d+$/.test(String(node.value)))
    return `a server is an object; write { "listen": ${node.value} }`;
  if (name === 'server' && text !== undefined && node.type === 'string') {
    const peers = `"upstreams": { "app": [${quoted(text)}] }`;
    return `a server is an object; write { "listen": ${quoted(text)} }, or, for what requests go to, ${peers}`;
  }
  const listed = node.type === 'array';
  if (name === 'location') return named('a location', key, text?.startsWith('/') ? text : '/', '{ … }');
  if (name === 'upstream') {
    if (listed) return named('an upstream', key, 'app', '{ … }');
    if (text !== undefined) return named('an upstream', key, 'app', `[${quoted(text)}]`);
  }
  if (name === 'program' && text !== undefined && !listed)
    return named('a program', key, 'web', quoted(text));
  return `"${key}": an object, { … }, is expected here, not ${describe(node)}`;
}

function named(what: string, key: string, name: string, value: string): string {
  return `${what} is named by its key; write "${key}": { ${quoted(name)}: ${value} }`;
}
