// Where the live view of a configuration is, in the state directory, which several configurations may share: the address with the token,
// for `lbproxy top` and for people; and the port, to come back to, so that a page that is open goes on after a restart.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readPlainFile, replaceFile } from '../shared/replace-file.ts';

export interface KeptPlace {
  readonly host: string;
  readonly port: number;
  readonly token: string;
  /** Path of the configuration that runs there. */
  readonly configuration: string;
}

/** `name`: what the runs of a configuration are called in the state directory. */
export function placeFile(directory: string, name: string): string {
  return join(directory, `live-view-${name}.url`);
}

const PLACE_FILE = /^live-view-.+\.url$/;

const portFile = (directory: string, name: string): string => join(directory, `live-view-${name}.port`);

export function keepPlace(path: string, url: string, configuration: string): void {
  replaceFile(path, `${url}\n${configuration}\n`, 0o600);
}

/** Whoever looks for it later would send the token to the one that has the port then. */
export function forgetPlace(path: string, url: string): void {
  if (readSecret(path).split('\n')[0] === url) rmSync(path, { force: true });
}

export function readPlace(path: string): KeptPlace | null {
  const [url = '', configuration = ''] = readSecret(path).split('\n');
  const [, host, port, token] = /^http:\/\/([\d.]+|\[[\da-f:]+\]):(\d+)\/#([\w-]+)$/i.exec(url) ?? [];
  if (token === undefined) return null;
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port), token, configuration };
}

/** Of all that run with this state directory, or did and could not tidy up. */
export function placesIn(directory: string): readonly KeptPlace[] {
  let names: readonly string[];
  try {
    names = readdirSync(directory);
  } catch {
    return [];
  }
  const paths = names.filter((name) => PLACE_FILE.test(name)).map((name) => join(directory, name));
  return paths.map(readPlace).filter((place) => place !== null);
}

/** 0 = none is known. */
export function keptPort(directory: string, name: string): number {
  const port = Number(readSecret(portFile(directory, name)));
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : 0;
}

export function keepPort(directory: string, name: string, port: number): void {
  replaceFile(portFile(directory, name), `${port}\n`, 0o600);
}

/** One that others can read, or that is no file, is not used: ''. */
export function readSecret(path: string): string {
  try {
    const { stat, text } = readPlainFile(path);
    return (stat.mode & 0o077) === 0 ? text.trim() : '';
  } catch {
    return '';
  }
}
