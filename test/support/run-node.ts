// The kit's child: runs a piece of module code from the project's directory in a process of its own.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What the code printed; rejects when the process ends otherwise than by itself. `first` is a shell command in front of it. */
export function runNode(code: string, first = 'true', flags: readonly string[] = []): Promise<string> {
  return new Promise((resolve, reject) => {
    const args = [
      '-c',
      `${first}; exec "$0" "$@"`,
      process.execPath,
      ...flags,
      '--input-type=module',
      '-e',
      code,
    ];
    execFile('sh', args, { cwd: root, timeout: 20_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout.trim());
      else reject(new Error(`${error.signal ?? error.code}: ${stderr}`));
    });
  });
}
