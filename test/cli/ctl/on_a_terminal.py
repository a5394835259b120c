# Runs a command on a terminal of its own. Steps come as JSON: [text to wait for (a moment for ''), keys to type]; all that was printed goes to stdout,
# and the last line is the exit status.
import json
import os
import pty
import select
import sys
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


for text, keys in steps:
    if text == '':
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
