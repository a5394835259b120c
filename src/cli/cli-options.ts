// What the command line says, read. The commands get it from run-cli.ts.
import type { OwnSettings } from '../config/settings.ts';

export interface CliOptions {
  readonly config?: string;
  readonly programs?: string;
  readonly prefix?: string;
  readonly test?: boolean;
  readonly dump?: boolean;
  readonly quiet?: boolean;
  readonly roll?: boolean;
  readonly signal?: Signal;
  readonly errorLog?: string;
  readonly directives?: string;
  /** A configuration without servers and programs is taken. */
  readonly mayIdle?: boolean;
  /** What nginx knows and lbproxy does not yet is warned of, and has no effect. */
  readonly allowUnsupported?: boolean;
  /** What is otherwise than usual where the configuration says nothing. */
  readonly defaults?: OwnSettings;
}

/** What -s tells the running lbproxy. */
export type Signal = 'stop' | 'quit' | 'reload' | 'reopen';
