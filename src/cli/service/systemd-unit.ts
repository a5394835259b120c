// The systemd unit of a service; each line that is not plain has its reason above it.
import { argumentsOf, type ServicePlan, seal } from './service-plan.ts';

/** `ofUser` is a unit of systemd --user, which has no privileges to give or to take. */
export function systemdUnit(plan: ServicePlan, ofUser: boolean): string {
  const { name, stopSeconds } = plan;
  return seal([
    '[Unit]',
    `Description=lbproxy ${specifierFree(name)} (proxy, load balancer and process supervisor)`,
    ...(ofUser
      ? []
      : [
          '# Names of peers are looked up at the start.',
          'Wants=network-online.target',
          'After=network-online.target',
        ]),
    '',
    '[Service]',
    '# lbproxy says when it listens and its programs are ready; a sender of its own (systemd-notify) says it, hence all.',
    'Type=notify',
    'NotifyAccess=all',
    ...identity(plan, ofUser),
    `WorkingDirectory=${specifierFree(plan.directory)}`,
    `ExecStart=${[...plan.command, ...argumentsOf(plan)].map(quoted).join(' ')}`,
    '# The configuration is read again; what is wrong in it changes nothing.',
    'ExecReload=/bin/kill -HUP $MAINPID',
    '# Graceful: requests under way end first. Only lbproxy is told, and stops its programs in their order; what is left is killed.',
    'KillSignal=SIGQUIT',
    'KillMode=mixed',
    '# What the configuration lets requests and programs take to end, and a little more.',
    `TimeoutStopSec=${stopSeconds}`,
    '# Programs may take their time to be ready; lbproxy itself says what it waits for.',
    'TimeoutStartSec=infinity',
    'Restart=on-failure',
    'RestartSec=1',
    '# lbproxy pings every 15 s; one that stands still is started anew.',
    'WatchdogSec=30',
    '# A program that the kernel ends for its memory is started again by lbproxy: no reason to stop the others.',
    'OOMPolicy=continue',
    '# Two descriptors a client: its connection and the one to its peer.',
    'LimitNOFILE=65536',
    '# Hundreds of processes with their threads are a use, not a fault.',
    'TasksMax=infinity',
    ...hardening(ofUser),
    '',
    '[Install]',
    `WantedBy=${ofUser ? 'default' : 'multi-user'}.target`,
  ]);
}

function identity({ user, hasLowPort, hasStatePath }: ServicePlan, ofUser: boolean): readonly string[] {
  if (user === null || ofUser) return [];
  return [
    `User=${specifierFree(user)}`,
    ...(hasLowPort
      ? ['# Ports below 1024 without being root.', 'AmbientCapabilities=CAP_NET_BIND_SERVICE']
      : []),
    ...(hasStatePath
      ? []
      : [
          `# For keys, the pid file and the control socket; commands find them with XDG_STATE_HOME=/var/lib, or set state_path.`,
          'StateDirectory=lbproxy',
          'StateDirectoryMode=0700',
          'Environment=XDG_STATE_HOME=/var/lib',
        ]),
  ];
}

/**
 * Programs live in the same unit, so none of PrivateTmp and ProtectHome (their sockets and data may be anywhere), PrivateDevices and
 * ProtectClock (the latter closes all devices but the plain ones: graphics cards, FUSE), RestrictSUIDSGID (upload directories of 02755).
 */
function hardening(ofUser: boolean): readonly string[] {
  const always = [
    '# Neither lbproxy nor its programs gain rights by running a file. Running a program as another user is not hindered (user), sudo is:',
    '# set it to no for programs that call sudo.',
    'NoNewPrivileges=yes',
    '# Rights that neither a proxy nor an app needs.',
    'LockPersonality=yes',
    'RestrictRealtime=yes',
  ];
  if (ofUser) return always;
  return [
    ...always,
    '# /usr, /boot and /etc can be read but not written. /var, /srv, /home and /tmp stay as they are, as programs keep their data there.',
    'ProtectSystem=full',
    'ProtectKernelModules=yes',
    'ProtectKernelLogs=yes',
    'ProtectHostname=yes',
  ];
}

/** systemd.service(5), "COMMAND LINES": a word in quotes, in which % and $ stand for themselves. */
function quoted(word: string): string {
  const text = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
}

const specifierFree = (text: string): string => text.replaceAll('%', '%%');
