// The configuration as its files have it now, for the live view: each directive with its place, and what is wrong with them.
import type { Written } from '../cluster/live-view.ts';
import type { SettingView } from '../cockpit/face.ts';
import { formatPosition } from '../config/problem.ts';
import type { Directive } from '../config/tree.ts';
import type { CliOptions } from './cli-options.ts';
import { readConfig } from './read-config.ts';

/** Values longer than this are cut: they are shown in one line. */
const MAX_VALUE = 300;

export function writtenConfiguration(file: string, options: CliOptions): Written {
  const { tree, problems } = readConfig(file, options, { mayBeInput: false, scaled: new Map() });
  return {
    settings: tree === undefined ? [] : settingsOf(tree.directives, ''),
    problems: problems.list.map(
      ({ at, severity, message }) => `${formatPosition(at)}: ${severity}: ${message}`,
    ),
  };
}

function settingsOf(directives: readonly Directive[], place: string): SettingView[] {
  return directives.flatMap(({ name, args, at, block }) => {
    const value = args.map(({ text }) => text).join(' ');
    if (block !== undefined) {
      const here = value === '' ? name : `${name} ${value}`;
      return settingsOf(block, place === '' ? here : `${place}, ${here}`);
    }
    const shown = value.length > MAX_VALUE ? `${value.slice(0, MAX_VALUE)}…` : value;
    return [{ place, name, value: SECRET.test(name) ? '********' : shown, at: formatPosition(at) }];
  });
}

/** What is written in the file, but not to be shown. */
const SECRET = /password|secure_link_secret|^environment$/;
