// What a file of the comparison is: its text, and what has to be known to run it. The tables are beside this one.
export interface SupervisordFile {
  readonly name: string;
  /** `{dir}` is the directory where it is run, `{port}` a free port. Bytes are taken as they are. */
  readonly text: string | Buffer;
  /** It lies in conf.d, and a main file without programs includes it. */
  readonly fragment?: boolean;
  /** Further files. */
  readonly files?: Readonly<Record<string, string>>;
  readonly dirs?: readonly string[];
  /** Compared so long after the first answer, where not all becomes still. */
  readonly afterMs?: number;
  /** Where it answers; run/s.sock without a login otherwise. */
  readonly server?: { readonly path?: string; readonly port?: true; readonly login?: string };
  /** Logs that several processes share: only which lines they have is compared. */
  readonly unordered?: RegExp;
  /** Nothing runs: both end with an error. */
  readonly refused?: true;
  /** Where, besides what is the same for all, the outcomes differ: a pattern of the lines, and why. */
  readonly differs?: readonly { readonly line: RegExp; readonly why: string }[];
}
