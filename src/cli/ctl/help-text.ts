// Help texts: those of supervisorctl's commands as it prints them, and ours in their manner.

/** `lbproxy ctl --help` */
export const USAGE = `lbproxy ctl -- control what lbproxy (or supervisord) runs.

Usage: lbproxy ctl [options] [action [arguments]]

Options:
-c/--configuration FILENAME -- supervisord.conf, or lbproxy's own configuration: finds who runs with it (searches if not given)
-h/--help -- print usage message and exit
-i/--interactive -- ask before shutdown and reload
-s/--serverurl URL -- where the server listens: unix:///path or http://host:port
-u/--username USERNAME -- username to use for authentication with server
-p/--password PASSWORD -- password to use for authentication with server
-r/--history-file FILENAME -- keep a history of the shell there

Before or behind the action:
--wide -- status: also port, ready, requests in flight and restarts
--json -- print one JSON document
--wait -- status: wait until nothing is STARTING
--no-wait -- begin the work, do not wait for its end
--timeout SECONDS -- wait no longer

Without an action, a shell reads them. Use the action "help" to find out about available actions.
`;

const t = '\t';

/** By name, without the last line end. */
export const HELP: Readonly<Record<string, string>> = {
  help: `help${t}${t}Print a list of available actions\nhelp <action>${t}Print help for <action>`,
  add: `add <name> [...]${t}Activates any updates in config for process/group`,
  avail: `avail${t}${t}${t}Display all configured processes`,
  clear:
    `clear <name>${t}${t}Clear a process' log files.\nclear <name> <name>${t}Clear multiple process' log files\n` +
    `clear all${t}${t}Clear all process' log files`,
  exit: `exit${t}Exit the supervisor shell.`,
  fg: `fg <process>${t}Connect to a process in foreground mode\n${t}${t}Ctrl-C to exit`,
  maintail:
    `maintail -f ${t}Continuous tail of supervisor main log file (Ctrl-C to exit)\n` +
    `maintail -100${t}last 100 *bytes* of supervisord main log file\n` +
    `maintail${t}last 1600 *bytes* of supervisor main log file\n`,
  open: `open <url>${t}Connect to a remote supervisord process.\n${t}${t}(for UNIX domain socket, use unix:///socket/path)`,
  pid:
    `pid${t}${t}${t}Get the PID of supervisord.\npid <name>${t}${t}Get the PID of a single child process by name.\n` +
    `pid all${t}${t}${t}Get the PID of every child process, one per line.`,
  quit: `quit${t}Exit the supervisor shell.`,
  reload: `reload ${t}${t}Restart the remote supervisord.`,
  remove: `remove <name> [...]${t}Removes process/group from active config`,
  reread: `reread ${t}${t}${t}Reload the daemon's configuration files without add/remove`,
  restart:
    `restart <name>${t}${t}Restart a process\nrestart <gname>:*${t}Restart all processes in a group\n` +
    `restart <name> <name>${t}Restart multiple processes or groups\nrestart all${t}${t}Restart all processes\n` +
    'Note: restart does not reread config files. For that, see reread and update.',
  shutdown: `shutdown ${t}Shut the remote supervisord down.`,
  signal:
    `signal <signal name> <name>${t}${t}Signal a process\n` +
    `signal <signal name> <gname>:*${t}${t}Signal all processes in a group\n` +
    `signal <signal name> <name> <name>${t}Signal multiple processes or groups\n` +
    `signal <signal name> all${t}${t}Signal all processes`,
  start:
    `start <name>${t}${t}Start a process\nstart <gname>:*${t}${t}Start all processes in a group\n` +
    `start <name> <name>${t}Start multiple processes or groups\nstart all${t}${t}Start all processes`,
  status:
    `status <name>${t}${t}Get status for a single process\nstatus <gname>:*${t}Get status for all processes in a group\n` +
    `status <name> <name>${t}Get status for multiple named processes\nstatus${t}${t}${t}Get all process status info`,
  stop:
    `stop <name>${t}${t}Stop a process\nstop <gname>:*${t}${t}Stop all processes in a group\n` +
    `stop <name> <name>${t}Stop multiple processes or groups\nstop all${t}${t}Stop all processes`,
  tail:
    `tail [-f] <name> [stdout|stderr] (default stdout)\nEx:\n` +
    `tail -f <name>${t}${t}Continuous tail of named process stdout\n${t}${t}${t}Ctrl-C to exit.\n` +
    `tail -100 <name>${t}last 100 *bytes* of process stdout\ntail <name> stderr${t}last 1600 *bytes* of process stderr`,
  update:
    `update${t}${t}${t}Reload config and add/remove as necessary, and will restart affected programs\n` +
    `update all${t}${t}Reload config and add/remove as necessary, and will restart affected programs\n` +
    `update <gname> [...]${t}Update specific groups`,
  version: `version${t}${t}${t}Show the version of the remote supervisord process`,
  drain:
    `drain <name> [...]${t}Take processes out of the balancer and wait for the requests under way; they run on\n` +
    `undrain <name> [...]${t}Let them have requests again`,
  reopen: `reopen${t}${t}${t}Open all log files anew`,
  scale: `scale <program> <n>${t}Run n processes of a program until the next update`,
  undrain: `undrain <name> [...]${t}Let drained processes have requests again`,
};

/** What lbproxy has beyond supervisorctl. */
export const OWN_COMMANDS: readonly string[] = ['drain', 'reopen', 'scale', 'undrain'];
