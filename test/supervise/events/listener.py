# An event listener made with Supervisor's own library. Writes what it got to DIR/PROCESS.jsonl and does what the event tells: the first
# word of a REMOTE_COMMUNICATION is a command, if it ends in this listener's group. Each misbehaviour happens once.
import json
import os
import sys
import time

from supervisor import childutils

directory = sys.argv[1]
name = os.environ['SUPERVISOR_PROCESS_NAME']
group = os.environ['SUPERVISOR_GROUP_NAME']


def note(**what):
    with open(os.path.join(directory, name + '.jsonl'), 'a') as out:
        out.write(json.dumps(what) + '\n')


def once(payload):
    mark = os.path.join(directory, group + '-' + payload.replace(':', '-').replace('\n', '-').replace(' ', '-'))
    if os.path.exists(mark):
        return False
    open(mark, 'w').close()
    return True


def wait_for(file):
    while not os.path.exists(os.path.join(directory, file)):
        time.sleep(0.01)


class Stdout:
    """Tells when READY is out."""

    def write(self, text):
        sys.stdout.write(text)
        self.ready = text == 'READY\n'

    def flush(self):
        sys.stdout.flush()
        if self.ready:
            note(ready=True)


out = Stdout()
while True:
    headers, payload = childutils.listener.wait(sys.stdin, out)
    note(headers=headers, payload=payload)
    command = payload.split('\n')[0].split(':')[1] if headers['eventname'] == 'REMOTE_COMMUNICATION' else ''
    if command in ('hold', 'hold-fail-' + group):
        wait_for('release-' + payload.split('\n')[1])
    if command in ('fail-' + group, 'hold-fail-' + group) and once(payload):
        childutils.listener.fail(out)
    elif command == 'odd-' + group and once(payload):
        childutils.listener.send('OK?', out)
    elif command == 'crash-' + group and once(payload):
        os._exit(3)
    elif command == 'half-' + group and once(payload):
        os.write(1, b'RESULT 2\nO')
        os._exit(0)
    elif command == 'violate-' + group and once(payload):
        os.write(1, b'hello world\n')
        wait_for('release-' + payload.split('\n')[1])
        os._exit(0)
    else:
        childutils.listener.ok(out)
