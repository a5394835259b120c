// An outcome as lines that can be compared, without what is to differ. All differences for every file are listed here.
import type { SupervisordFile } from './files.ts';
import type { Outcome } from './files-run.ts';

/** What differs for every file, and why. Everything else is the same. */
const DIFFERENCES: readonly { readonly line: RegExp; readonly onlyWith?: RegExp; readonly why: string }[] = [
  {
    line: /^start (?:\S+ \d+ as [1-9]|\S*root:).* environment (?:HOME|USER|LOGNAME)=/,
    why: "they are those of the program's user; Supervisor leaves root's",
  },
  {
    line: /^files \S+\.pid\.outcome /,
    why: 'beside a pid file lies what `lbproxy -s` waits for, and whose process it is',
  },
  {
    line: /^files(?:After)? supervisord\.(?:pid|log) /,
    onlyWith: /^(?!.*^(?:pid|log)file)/ms,
    why: 'what the file does not name is not written into the directory where it was started',
  },
  { line: /^start .* environment LBPROXY_RUN=/, why: 'how what leaves its group is found' },
  { line: /^start .* leadsSession/, why: "a session of its own: a terminal's Ctrl-C does not reach it" },
  { line: /^start .* ignored/, why: 'supervisord, a Python program, hands its ignored SIGPIPE on' },
];

export function linesOf(outcome: Outcome, file: SupervisordFile): string[] {
  const lines = [
    `exit ${outcome.exit}`,
    ...outcome.processes.flatMap((info) =>
      Object.entries(info)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, value]) => `process ${info.group}:${info.name} ${name} ${value}`),
    ),
    ...Object.entries(outcome.starts).flatMap(([start, fields]) =>
      Object.entries(fields).flatMap(([name, value]) =>
        (Array.isArray(value) && name !== 'argv' ? value : [value]).map(
          (each) =>
            `start ${start} as ${parseInt(String(fields.uid), 10)} ${name} ${typeof each === 'string' ? each : JSON.stringify(each)}`,
        ),
      ),
    ),
    ...outcome.status.map((line) => `status ${line}`),
    ...Object.entries(outcome.files).map(([path, text]) => `files ${path} ${text}`),
    ...Object.entries(outcome.filesAfter).map(([path, text]) => `filesAfter ${path} ${text}`),
    ...outcome.printed.map((line) => `printed ${line}`),
  ];
  const text = [file.text, ...Object.values(file.files ?? {})].join('\n');
  const left = [
    ...DIFFERENCES.filter(({ onlyWith }) => onlyWith?.test(text) ?? true),
    ...(file.differs ?? []),
  ];
  return lines.filter((line) => !left.some((one) => one.line.test(line)));
}
