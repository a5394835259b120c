// A line of the printed explanation.

export type Tone = 'title' | 'good' | 'bad' | 'hint' | 'quiet' | 'plain';

export interface Row {
  readonly label: string;
  readonly text: string;
  /** `file:line:column`, or a word in its place. */
  readonly at?: string;
  readonly tone?: Tone;
}
