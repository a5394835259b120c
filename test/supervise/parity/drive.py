# Takes a script as JSON on stdin and says on stdout what came of each step, against the server of a supervisord.conf. supervisorctl is
# Debian's own, run in a child of this process: a start of Python for each of hundreds of commands would take minutes.
import io
import json
import os
import re
import signal
import socket
import sys
import threading
import time
import xmlrpc.client

from supervisor import supervisorctl
from supervisor.xmlrpc import SupervisorTransport

# No answer is an answer, too.
ANSWER_SECONDS = 60
UP_SECONDS = 5
socket.setdefaulttimeout(ANSWER_SECONDS)

work = json.load(sys.stdin)
directory, url, conf = work['dir'], work['url'], work['conf']
ours = work.get('ctl')


def proxy():
    return xmlrpc.client.ServerProxy('http://127.0.0.1', SupervisorTransport(None, None, url), allow_none=True)


def ctl(words, seconds=None):
    """Of a command that never ends: what it has said after so many seconds, when Ctrl-C is pressed."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(write_end, 1)
        os.dup2(write_end, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if ours:
            # Hints for persons, which supervisorctl has none of.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            os.execve(ours[0], ours + ['-c', conf] + words, {**os.environ, 'XDG_STATE_HOME': work['state']})
        sys.stdout = io.TextIOWrapper(os.fdopen(1, 'wb', 0), encoding='utf-8', write_through=True)
        sys.stderr = io.TextIOWrapper(os.fdopen(2, 'wb', 0), encoding='utf-8', write_through=True)
        status = 120
        try:
            supervisorctl.main(['-c', conf] + words)
            status = 0
        except SystemExit as e:
            status = e.code or 0
        except BaseException as e:
            print('traceback: %s: %s' % (type(e).__name__, e))
        os._exit(status if isinstance(status, int) else 2)
    os.close(write_end)
    timer = threading.Timer(seconds or 60, os.kill, (pid, signal.SIGINT if seconds else signal.SIGKILL))
    timer.start()
    with os.fdopen(read_end, 'rb') as pipe:
        text = pipe.read().decode('utf-8', 'backslashreplace')
    _, status = os.waitpid(pid, 0)
    timer.cancel()
    return {'lines': text.split('\n'), 'exit': os.waitstatus_to_exitcode(status)}


def python(value):
    if isinstance(value, dict) and list(value) == ['$float']:
        return float(value['$float'])
    if isinstance(value, dict):
        return {key: python(item) for key, item in value.items()}
    if isinstance(value, list):
        return [python(item) for item in value]
    return value


def rpc(method, args):
    call = proxy()
    for part in method.split('.'):
        call = getattr(call, part)
    try:
        return {'answer': call(*[python(arg) for arg in args])}
    except xmlrpc.client.Fault as e:
        return {'fault': [e.faultCode, e.faultString]}
    except xmlrpc.client.ProtocolError as e:
        return {'http': e.errcode}
    except Exception as e:
        return {'error': type(e).__name__}


def until(name, states, seconds=20):
    """Where the process is once it is in one of the states, or has not come there."""
    end = time.time() + seconds
    state = None
    while time.time() < end:
        try:
            state = proxy().supervisor.getProcessInfo(name)['statename']
        except Exception as e:
            state = type(e).__name__
        if state in states:
            return state
        time.sleep(0.03)
    return 'still ' + str(state)


def up(seconds=20):
    """Once it answers that it runs."""
    end = time.time() + seconds
    socket.setdefaulttimeout(UP_SECONDS)
    try:
        while time.time() < end:
            try:
                if proxy().supervisor.getState()['statename'] == 'RUNNING':
                    return 'up'
            except Exception:
                pass
            time.sleep(0.05)
        return 'down'
    finally:
        socket.setdefaulttimeout(ANSWER_SECONDS)


def states(seconds=20):
    """Once nothing is under way."""
    end = time.time() + seconds
    while time.time() < end:
        if not {info['statename'] for info in proxy().supervisor.getAllProcessInfo()} & {'STARTING', 'STOPPING'}:
            break
        time.sleep(0.05)
    return {'states': {'%(group)s:%(name)s' % info: info['statename'] for info in proxy().supervisor.getAllProcessInfo()}}


def together(steps):
    """The first goes on while the others are done one after the other."""
    out = []
    first = threading.Thread(target=lambda: out.insert(0, act(steps[0])))
    first.start()
    others = [act(step) for step in steps[1:]]
    first.join()
    return {'together': out + others}


def write(file, text):
    with open(os.path.join(directory, file), 'w') as out:
        out.write(text.replace('{dir}', directory).replace('{programs}', work['programs']))


def ended(seconds=30):
    """Once the server's process is gone."""
    end = time.time() + seconds
    while os.path.exists('/proc/%d' % work['pid']):
        if time.time() > end:
            return 'runs'
        time.sleep(0.03)
    return 'ended'


def proc(pid, file):
    try:
        with open('/proc/%d/%s' % (pid, file), encoding='utf-8', errors='backslashreplace') as found:
            return found.read()
    except FileNotFoundError:
        return ''


def deaf(name, seconds=20):
    """Once the process would not end of TERM any more. Before its exec it is a copy of the server, with the server's handlers."""
    end = time.time() + seconds
    own = proc(work['pid'], 'cmdline')
    while time.time() < end:
        pid = proxy().supervisor.getProcessInfo(name)['pid']
        if pid and proc(pid, 'cmdline') not in ('', own):
            caught = re.search(r'SigCgt:\s*(\w+)', proc(pid, 'status'))
            if caught and int(caught.group(1), 16) & 1 << signal.SIGTERM - 1:
                return 'deaf'
        time.sleep(0.03)
    return 'it hears'


def reborn(name, step, seconds=20):
    """Does the step, and waits until another process has the place."""
    end = time.time() + seconds
    before = proxy().supervisor.getProcessInfo(name)['pid']
    came = act(step)
    while time.time() < end:
        info = proxy().supervisor.getProcessInfo(name)
        if info['pid'] not in (0, before) and info['statename'] == 'RUNNING':
            return {'came': came}
        time.sleep(0.03)
    return {'came': came, 'still': info['statename']}


def within(name, state, steps, tries=6):
    """Steps that leave the process as it is, all done while it is in the state: again where it went on meanwhile."""
    for _ in range(tries):
        until(name, [state])
        before = proxy().supervisor.getProcessInfo(name)
        came = [act(step) for step in steps]
        after = proxy().supervisor.getProcessInfo(name)
        if before['statename'] == after['statename'] == state and before['start'] == after['start']:
            return {'within': came}
    return 'too short'


def has(file, text, seconds=20):
    """Once the file has the text."""
    end = time.time() + seconds
    path = os.path.join(directory, file) if isinstance(file, str) else proxy().supervisor.getProcessInfo(file[0])[file[1]]
    while time.time() < end:
        try:
            with open(path, encoding='utf-8', errors='backslashreplace') as lines:
                if text in lines.read():
                    return 'there'
        except FileNotFoundError:
            pass
        time.sleep(0.05)
    return 'not there'


MESSAGES = ('spawned:', 'success:', 'exited:', 'gave up:', 'stopped:', 'spawnerr:')


def mainlog():
    """Without the time of each line, and pids."""
    with open(os.path.join(directory, 'main.log')) as log:
        lines = [line.rstrip('\n')[24:] for line in log]
    return {'lines': [re.sub(r'pid \d+', 'pid N', line) for line in lines if line.split(' ', 1)[1].startswith(MESSAGES)]}


known = {}


def pids(key):
    """Which processes are others than the last time."""
    now = {'%(group)s:%(name)s' % info: info['pid'] for info in proxy().supervisor.getAllProcessInfo()}
    before = known.get(key, now)
    known[key] = now
    return {'others': sorted(name for name, pid in now.items() if before.get(name) != pid)}


def act(step):
    what, *args = step
    try:
        return ACTS[what](*args)
    except Exception as e:
        return {'failed': '%s: %s' % (type(e).__name__, e)}


ACTS = {
    'ctl': ctl, 'rpc': rpc, 'until': until, 'together': together, 'write': write, 'states': states, 'up': up,
    'ended': ended, 'deaf': deaf, 'reborn': reborn, 'within': within, 'has': has, 'pause': time.sleep, 'pids': pids, 'mainlog': mainlog,
    'read': lambda file: open(os.path.join(directory, file), errors='backslashreplace').read(),
    'exists': lambda file: os.path.exists(os.path.join(directory, file)),
}
out = [act(step) for step in work['steps']]
json.dump(out, sys.stdout)
