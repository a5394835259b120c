// The init script of a service for machines without systemd: POSIX sh and coreutils, LSB header and exit codes.
import { argumentsOf, type ServicePlan, seal } from './service-plan.ts';

export interface SysvPlaces {
  /** Settings of the administrator, read if there. */
  readonly defaultsFile: string;
  readonly pidFile: string;
  /** What lbproxy prints. */
  readonly logFile: string;
}

export function sysvPlaces(name: string): SysvPlaces {
  return {
    defaultsFile: `/etc/default/${name}`,
    pidFile: `/run/${name}.pid`,
    logFile: `/var/log/${name}.log`,
  };
}

export function sysvScript(plan: ServicePlan, places: SysvPlaces = sysvPlaces(plan.name)): string {
  const { name, user, directory, stopSeconds } = plan;
  return seal([
    '#!/bin/sh',
    '### BEGIN INIT INFO',
    `# Provides:          ${name}`,
    '# Required-Start:    $remote_fs $network $named $syslog',
    '# Required-Stop:     $remote_fs $network $named $syslog',
    '# Default-Start:     2 3 4 5',
    '# Default-Stop:      0 1 6',
    '# Short-Description: lbproxy (proxy, load balancer and process supervisor)',
    `# Description:       Runs lbproxy as service ${name}.`,
    '### END INIT INFO',
    '',
    '# All of these can be set anew in the file of DEFAULTS.',
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    `DEFAULTS=${quoted(places.defaultsFile)}`,
    `PIDFILE=${quoted(places.pidFile)}`,
    '# What lbproxy prints.',
    `LOG=${quoted(places.logFile)}`,
    `RUN_AS=${quoted(user ?? '')}`,
    `DIRECTORY=${quoted(directory)}`,
    '# How long requests and programs may take to end.',
    `STOP_SECONDS=${stopSeconds}`,
    '# Descriptors: two a client.',
    'OPEN_FILES=65536',
    'export PATH',
    '[ -r "$DEFAULTS" ] && . "$DEFAULTS"',
    '',
    `lbproxy() { ${plan.command.map(quoted).join(' ')} "$@"; }`,
    `set_arguments='set -- ${argumentsOf(plan).map(quoted).join(' ').replaceAll("'", `'\\''`)}'`,
    body(quoted(plan.command.at(-1) ?? ''), plan.command.map(quoted).join(' '), name),
  ]);
}

/** In single quotes, in which nothing means anything. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

const body = (script: string, command: string, name: string): string =>
  String.raw`
# A zombie has ended.
alive() {
  kill -0 "$pid" 2>/dev/null || return 1
  case $(sed 's/.*) //; s/ .*//' "/proc/$pid/stat" 2>/dev/null) in Z) return 1 ;; esac
}

# The process of the pid file, if it is lbproxy: after a crash the number may be anybody's.
running() {
  pid=$(cat "$PIDFILE" 2>/dev/null) || return 1
  case $pid in '' | *[!0-9]*) return 1 ;; esac
  alive || return 1
  [ ! -r "/proc/$pid/cmdline" ] || tr '\0' '\n' <"/proc/$pid/cmdline" | grep -qxF -- ${script}
}

tested() {
  eval "$set_arguments"
  lbproxy -t -q "$@"
}

# Who it runs as needs a program that becomes the command: its number is lbproxy's.
launch() {
  if [ -z "$RUN_AS" ]; then exec setsid "$@"
  elif command -v setpriv >/dev/null; then
    exec setsid setpriv --reuid "$RUN_AS" --regid "$(id -g "$RUN_AS")" --init-groups "$@"
  else exec setsid runuser -u "$RUN_AS" -- "$@"
  fi
}

start() {
  if running; then echo "${name} runs already, as pid $pid"; return 0; fi
  tested || return 6
  cd "$DIRECTORY" || return 6
  ulimit -n "$OPEN_FILES" 2>/dev/null
  eval "$set_arguments"
  ( launch ${command} "$@" ) </dev/null >>"$LOG" 2>&1 &
  pid=$!
  echo "$pid" >"$PIDFILE" || { kill "$pid"; return 1; }
  # What is wrong with ports and files shows at once.
  tries=0
  while [ "$tries" -lt 2 ]; do
    sleep 1
    if ! alive; then
      echo "${name} ended at once; the end of $LOG says why:" >&2
      tail -n 5 "$LOG" >&2
      rm -f "$PIDFILE"
      return 1
    fi
    tries=$((tries + 1))
  done
  running || return 1
  echo "${name} runs as pid $pid"
}

# Waits up to $1 seconds for the end of $pid.
ended() {
  left=$1
  while running; do
    [ "$left" -gt 0 ] || return 1
    sleep 1
    left=$((left - 1))
  done
}

stop() {
  if ! running; then rm -f "$PIDFILE"; echo "${name} does not run"; return 0; fi
  # Graceful first, then at once, then by force.
  kill -s QUIT "$pid"
  ended "$STOP_SECONDS" || { kill -s TERM "$pid" 2>/dev/null; ended 15; } || { kill -s KILL "$pid" 2>/dev/null; ended 5; } || return 1
  rm -f "$PIDFILE"
  echo "${name} has stopped"
}

reload() {
  running || { echo "${name} does not run" >&2; return 7; }
  # What is wrong would be in the log alone.
  tested || return 6
  kill -s HUP "$pid"
}

status() {
  if running; then echo "${name} runs as pid $pid"; return 0; fi
  if [ -e "$PIDFILE" ]; then echo "${name} does not run, but $PIDFILE is there"; return 1; fi
  echo "${name} does not run"
  return 3
}

case $1 in
  start) start ;;
  stop) stop ;;
  restart) tested && stop && start ;;
  reload | force-reload) reload ;;
  status) status ;;
  *) echo "usage: $0 start|stop|restart|reload|force-reload|status" >&2; exit 2 ;;
esac`.slice(1);
