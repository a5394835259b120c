// `nginx -s`: the signal goes to the process of the pid file, and nothing is waited for (ngx_signal_process).
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { failedCall } from '../../shared/failed-call.ts';
import { readConfig } from '../read-config.ts';
import type { NginxSignal } from './argv.ts';
import type { NginxOptions } from './nginx-face.ts';
import { nginxProblems, tell } from './problem-lines.ts';

const SIGNALS = { stop: 'SIGTERM', quit: 'SIGQUIT', reopen: 'SIGUSR1', reload: 'SIGHUP' } as const;

export function signalNginx(signal: NginxSignal, options: NginxOptions): number {
  const { model, problems } = readConfig(options.config, options);
  tell(nginxProblems(problems.list), options.firstLog);
  if (model === undefined) return 1;
  const { pidFile } = model.settings;
  const fail = (text: string): number => {
    tell([{ level: 'error', text }], options.firstLog);
    return 1;
  };
  let text: string;
  try {
    text = readFileSync(pidFile, 'latin1');
  } catch (error) {
    return fail(failedCall('open()', pidFile, error));
  }
  const pid = /^[0-9]+[\r\n]*$/.test(text) ? Number.parseInt(text, 10) : 0;
  if (pid === 0) return fail(`invalid PID number "${text.trimEnd()}" in "${pidFile}"`);
  try {
    process.kill(pid, SIGNALS[signal]);
    return 0;
  } catch (error) {
    tell(
      [
        {
          level: 'alert',
          text: failedCall(`kill(${pid}, ${constants.signals[SIGNALS[signal]]})`, '', error),
        },
      ],
      options.firstLog,
    );
    return 1;
  }
}
