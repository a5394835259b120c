// USR2: the program of now is started beside the one that runs, with its listening sockets (ngx_exec_new_binary).
import { type ChildProcess, spawn } from 'node:child_process';
import { renameSync } from 'node:fs';
import { giveSockets, HANDOVER_VARIABLE } from '../../cluster/handover.ts';
import type { Log } from '../../observe/error-log.ts';
import { failedCall } from '../../shared/failed-call.ts';
import { oldPidFile } from './pid-file.ts';

export interface UpgradeTools {
  readonly log: Log;
  readonly pidFile: string;
  readonly sockets: ReadonlyMap<string, unknown>;
  /** The new one is gone again, and this one goes on. */
  readonly onFailed: () => void;
}

/** The new process; null where it could not be started. */
export function startNewBinary(tools: UpgradeTools): ChildProcess | null {
  const { log, pidFile, sockets, onFailed } = tools;
  try {
    renameSync(pidFile, oldPidFile(pidFile));
  } catch (error) {
    log.alert(`${failedCall('rename()', pidFile, error)} before executing new binary process`);
    return null;
  }
  let child: ChildProcess;
  try {
    child = spawnAnew();
  } catch (error) {
    // Some failures Node throws, others it tells by an event.
    log.alert(failedCall('spawn()', process.execPath, error));
    takeBack(tools);
    return null;
  }
  let gone = false;
  const over = (what: string): void => {
    if (gone) return;
    gone = true;
    log.notice(`new binary process ${child.pid} ${what}`);
    takeBack(tools);
    onFailed();
  };
  child.on('error', (error) => over(error.message));
  child.on('exit', (code, signal) =>
    over(signal === null ? `exited with code ${code}` : `exited on ${signal}`),
  );
  // Its channel ends with the handover.
  child.on('disconnect', () => child.unref());
  log.notice(`start new binary process ${child.pid}`);
  void giveSockets(child, sockets);
  return child;
}

function takeBack({ log, pidFile }: UpgradeTools): void {
  const old = oldPidFile(pidFile);
  try {
    renameSync(old, pidFile);
  } catch (error) {
    log.alert(
      `${failedCall('rename()', old, error)} after the new binary process "${process.argv[1]}" exited`,
    );
  }
}

function spawnAnew(): ChildProcess {
  return spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    env: { ...process.env, [HANDOVER_VARIABLE]: '1' },
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
}
