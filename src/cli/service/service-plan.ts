// What a service is to run, whichever way it is written down: a systemd unit or a SysV script.
import { createHash } from 'node:crypto';

export interface ServicePlan {
  /** Of the unit or script. */
  readonly name: string;
  /** Whom lbproxy runs as; null for root, or in a user's unit that user. */
  readonly user: string | null;
  /** lbproxy's command: node, its options and the script, absolute. */
  readonly command: readonly string[];
  /** The configuration and the programs' file, absolute; at least one of them. */
  readonly config: string | null;
  readonly programs: string | null;
  /** Where relative paths of commands start. Absolute. */
  readonly directory: string;
  /** How long a graceful stop may take. */
  readonly stopSeconds: number;
  /** It listens on a port below 1024. */
  readonly hasLowPort: boolean;
  /** The configuration names its state directory. */
  readonly hasStatePath: boolean;
}

/** What lbproxy is started with, and with `-t` in front tested. */
export function argumentsOf({ config, programs }: ServicePlan): readonly string[] {
  return [
    ...(config === null ? [] : ['--config', config]),
    ...(programs === null ? [] : ['--programs', programs]),
  ];
}

const SEAL =
  /^# Written by `lbproxy service install`, which removes it again \(uninstall\) while it is unchanged: ([0-9a-f]{16})$/m;

/** The text with a line that tells it from a file of anybody else, and from one that was edited since. */
export function seal(lines: readonly string[]): string {
  const first = lines[0]?.startsWith('#!') === true ? 1 : 0;
  const line = `# Written by \`lbproxy service install\`, which removes it again (uninstall) while it is unchanged: ${hashOf(lines.join('\n'))}`;
  return `${[...lines.slice(0, first), line, ...lines.slice(first)].join('\n')}\n`;
}

/** `ours` as it was written, `edited` since, or `foreign`. */
export function sealOf(text: string): 'ours' | 'edited' | 'foreign' {
  const hash = SEAL.exec(text)?.[1];
  if (hash === undefined) return 'foreign';
  const rest = text.replace(SEAL, '\0').replace('\0\n', '').replace(/\n$/, '');
  return hashOf(rest) === hash ? 'ours' : 'edited';
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
