// Where the text of all metrics comes from, in a process that answers clients: the primary has it. One place for all configurations.

/** Gives the text once, or null where there is none (now). */
export type AskMetrics = (openMetrics: boolean, done: (text: string | null) => void) => void;

export const exposition: { ask: AskMetrics | null } = { ask: null };
