#!/usr/bin/perl
# Stands in for the program that a configuration names: writes down how it was started, and then does what its last words say.
# Perl, because it starts in a moment and changes no signal on its own.
use strict;
use POSIX ();
$| = 1;

my $records = '{records}';
sub slurp { open(my $in, '<', $_[0]) or return ''; local $/; my $all = <$in>; return $all // '' }
sub text { my $t = $_[0]; $t =~ s/([\\"\x00-\x1f\x7f-\xff])/sprintf('\\u%04x', ord $1)/ge; return "\"$t\"" }
sub list { return '[' . join(',', map { text($_) } @_) . ']' }

my %fds;
for my $fd (0 .. 1023) {
  next unless -e "/proc/self/fd/$fd" or -l "/proc/self/fd/$fd";
  my $to = readlink("/proc/self/fd/$fd") // '';
  next if $to =~ m{/stand-in\.pl$|/proc/\d+/fd$} or ($fd > 2 and $to eq POSIX::getcwd() . "/$0") or $to eq $0;
  $fds{$fd} = $to =~ /^(\w+):\[/ ? $1 : -p "/proc/self/fd/$fd" ? 'pipe' : $to;
}
# The interpreter's own descriptor of this script is wherever perl opened it.
my ($self) = map { "/proc/self/fd/$_" } grep { $fds{$_} =~ m{/bin/} } keys %fds;
delete $fds{$1} if defined $self and $self =~ /(\d+)$/;
my $same = (stat('/proc/self/fd/1'))[1] == (stat('/proc/self/fd/2'))[1] ? 1 : 0;

my $status = slurp('/proc/self/status');
my %signals = $status =~ /^Sig(Blk|Ign):\s*(\w+)/mg;
my ($pgid, $sid) = (split ' ', (slurp('/proc/self/stat') =~ /\) (.*)/s)[0])[2, 3];
my @groups = split ' ', ($status =~ /^Groups:(.*)/m)[0];
my ($uids) = $status =~ /^Uid:\s*(.*)/m;
my ($gids) = $status =~ /^Gid:\s*(.*)/m;
my $umask = umask;
my %fields = (
  argv => list(split /\0/, slurp('/proc/self/cmdline'), -1),
  cwd => text(POSIX::getcwd()),
  environment => list(sort split /\0/, slurp('/proc/self/environ')),
  uid => text(join ' ', split ' ', $uids),
  gid => text(join ' ', split ' ', $gids),
  groups => list(sort { $a <=> $b } @groups),
  umask => text(sprintf '%03o', $umask),
  descriptors => list(map { "$_ $fds{$_}" } sort { $a <=> $b } keys %fds),
  stderrIsStdout => $same,
  blocked => text($signals{Blk}),
  ignored => text($signals{Ign}),
  nice => getpriority(0, 0),
  leadsGroup => $pgid == $$ ? 1 : 0,
  leadsSession => $sid == $$ ? 1 : 0,
  limit => text((slurp('/proc/self/limits') =~ /^Max open files\s+(\d+)/m)[0]),
);
my $record;
# Once all of its beginning is behind it.
sub begun { rename("$records/.$$", $record) if defined $record }
my $who = ($ENV{SUPERVISOR_GROUP_NAME} // '?') . ':' . ($ENV{SUPERVISOR_PROCESS_NAME} // '?');
for my $n (1 .. 999) {
  my $path = "$records/$who $n";
  next if -e $path;
  umask 0;
  open(my $out, '>', "$records/.$$") or die "$records: $!";
  print $out '{' . join(',', map { "\"$_\":$fields{$_}" } sort keys %fields) . '}';
  close $out;
  $record = $path;
  umask $umask;
  last;
}

my %told = map { /^\@(\w+)(?:=(.*))?$/s ? ($1, $2 // 1) : () } @ARGV;
print STDOUT "$told{out}\n" if defined $told{out};
print STDERR "$told{err}\n" if defined $told{err};
if (defined $told{write}) { open(my $f, '>', $told{write}); print $f "written\n"; close $f; mkdir "$told{write}.d" }
if ($told{listens}) { begun(); listener() }
$SIG{TERM} = 'IGNORE' if $told{stubborn};
for my $name (qw(TERM INT QUIT HUP USR1 USR2)) {
  $SIG{$name} = sub { print STDOUT "got SIG$name\n"; exit 0 } if $told{says};
}
begun();
select(undef, undef, undef, $told{after}) if $told{after};
kill $told{kill}, $$ if $told{kill};
exit $told{exit} if defined $told{exit};
sleep 3600 while 1;

sub listener {
  print STDOUT "READY\n";
  while (my $head = <STDIN>) {
    my ($length) = $head =~ /\blen:(\d+)/;
    read(STDIN, my $body, $length) if $length;
    print STDOUT "RESULT 2\nOKREADY\n";
  }
  exit 0;
}
