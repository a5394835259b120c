// Node's calls on files as promises, made of those with callbacks: node:fs/promises brings readline and more, and costs a start 1 to 3 ms.
import * as fs from 'node:fs';
import { promisify } from 'node:util';

export const chmod = promisify(fs.chmod);
export const chown = promisify(fs.chown);
export const link = promisify(fs.link);
export const lstat = promisify(fs.lstat);
export const mkdtemp = promisify(fs.mkdtemp);
export const readFile = promisify(fs.readFile);
export const rm = promisify(fs.rm);
