# Runs a command on a terminal of its own. Steps come as JSON: [text to wait for, keys to type]; where the text is '' it waits until all that
# was typed has been read, and a moment. All that was printed goes to stdout, and the last line is the exit status.
import fcntl
import json
import os
import pty
import select
import struct
import sys
import termios
import time

steps = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    os.environ['TERM'] = 'xterm'
    os.execv(sys.argv[2], sys.argv[2:])

seen = b''
unread = b''
limit = time.monotonic() + 20


def read():
    global seen, unread
    if not select.select([terminal], [], [], 0.1)[0]:
        return True
    try:
        piece = os.read(terminal, 65536)
    except OSError:
        return False
    seen += piece
    unread += piece
    return piece != b''


def unasked():
    """How much of what was typed nobody has read yet."""
    try:
        terminal_of_it = os.open('/proc/%d/fd/0' % pid, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return 0
    try:
        return struct.unpack('i', fcntl.ioctl(terminal_of_it, termios.FIONREAD, bytes(4)))[0]
    except OSError:
        return 0
    finally:
        os.close(terminal_of_it)


for text, keys in steps:
    if text == '':
        while unasked() > 0 and time.monotonic() < limit and read():
            pass
        time.sleep(0.3)
    while text.encode() not in unread and time.monotonic() < limit and read():
        pass
    at = unread.find(text.encode())
    unread = unread[at + len(text.encode()):] if at >= 0 else b''
    os.write(terminal, keys.encode())
while time.monotonic() < limit and read():
    pass
if time.monotonic() >= limit:
    os.kill(pid, 9)
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.stdout.buffer.write(seen)
print(f'\nexit {status}')
