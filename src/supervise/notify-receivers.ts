// The small programs that receive for notify-socket.ts: Node has no Unix datagram sockets, and sd_notify(3) uses nothing else. One of
// them runs per lbproxy, and only once a program is ready by notify. perl is on every Debian and Ubuntu, python3 on what has no perl.
// Protocol, a line each. In: `+ID PATH` bind; `-ID PATH` close. Out: `bID` bound; `rID` the first READY=1 came; `eID why` not bound.
// What comes after READY=1 is read and dropped. At the end of stdin, which is lbproxy's death too, the sockets and their directory go.
import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';

const PERL = String.raw`use Socket;
my ($dir) = @ARGV; my (%sock, %path, %told); my $in = ''; $| = 1; umask 0177;
$SIG{$_} = 'IGNORE' for qw(INT TERM HUP QUIT);
while (1) {
  my $r = ''; vec($r, 0, 1) = 1; vec($r, fileno($_), 1) = 1 for values %sock;
  next if select($r, undef, undef, undef) < 0;
  if (vec($r, 0, 1)) {
    last unless sysread(STDIN, $in, 65536, length $in);
    while ($in =~ s/^([-+])(\d+) ([^\n]*)\n//) {
      my ($op, $id, $path) = ($1, $2, $3);
      if ($op eq '-') { unlink $path if delete $sock{$id}; delete $path{$id}; delete $told{$id}; next }
      my $s; unlink $path;
      if (socket($s, AF_UNIX, SOCK_DGRAM, 0) && bind($s, pack_sockaddr_un($path))) { $sock{$id} = $s; $path{$id} = $path; print "b$id\n" }
      else { print "e$id $!\n" }
    }
  }
  for my $id (keys %sock) {
    next unless vec($r, fileno($sock{$id}), 1) && defined recv($sock{$id}, my $text, 65536, MSG_DONTWAIT);
    print "r$id\n" if !$told{$id} && $text =~ /^READY=1$/m && ($told{$id} = 1);
  }
}
unlink values %path; rmdir $dir`;

const PYTHON = String.raw`import os, re, select, signal, socket, sys
socks, paths, told, rest = {}, {}, set(), b''
os.umask(0o177)
for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT): signal.signal(s, signal.SIG_IGN)
def say(text): os.write(1, text.encode() + b'\n')
def forget(path):
    try: os.unlink(path)
    except OSError: pass
poll = select.poll()
poll.register(0, select.POLLIN)
while True:
    events = {fd for fd, _ in poll.poll()}
    for id, s in list(socks.items()):
        if s.fileno() not in events: continue
        try: text = s.recv(65536)
        except OSError: continue
        if id not in told and b'READY=1' in text.split(b'\n'):
            told.add(id)
            say('r' + id)
    if 0 not in events: continue
    more = os.read(0, 65536)
    if not more: break
    *lines, rest = (rest + more).split(b'\n')
    for line in lines:
        op, id, path = line[:1], line[1:].split(b' ')[0].decode(), line.split(b' ', 1)[1]
        if op == b'-':
            if id in socks:
                poll.unregister(socks[id])
                socks.pop(id).close()
                forget(paths.pop(id))
                told.discard(id)
            continue
        forget(path)
        try:
            s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            s.setblocking(False)
            s.bind(path)
        except OSError as e:
            say('e' + id + ' ' + (e.strerror or str(e)))
            continue
        socks[id], paths[id] = s, path
        poll.register(s, select.POLLIN)
        say('b' + id)
for path in paths.values(): forget(path)
try: os.rmdir(sys.argv[1])
except OSError: pass`;

const RECEIVERS: readonly (readonly [string, readonly string[]])[] = [
  ['perl', ['-e', PERL]],
  ['python3', ['-c', PYTHON]],
];

export interface Receiver {
  readonly command: string;
  readonly args: readonly string[];
}

/** What receives here, its argument being the directory of the sockets; a clause that says what is missing where nothing does. */
export function receiverFor(env: NodeJS.ProcessEnv): Receiver | { readonly problem: string } {
  for (const [command, args] of RECEIVERS) {
    const path = inPath(command, env.PATH ?? '');
    if (path !== null) return { command: path, args };
  }
  return {
    problem:
      'ready notify needs perl or python3, which receives the messages that Node cannot (Unix datagrams), and neither is in PATH: install one, or use ready tcp, http or log',
  };
}

function inPath(command: string, path: string): string | null {
  for (const directory of path.split(':')) {
    const file = join(directory === '' ? '.' : directory, command);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return file;
    } catch {
      // Not here.
    }
  }
  return null;
}
