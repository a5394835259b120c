# record-states.py FILE: an event listener that appends each PROCESS_STATE and REMOTE_COMMUNICATION event to FILE as a line of JSON.
import json
import sys

from supervisor import childutils

with open(sys.argv[1], 'a') as out:
    while True:
        headers, payload = childutils.listener.wait()
        if headers['eventname'] == 'REMOTE_COMMUNICATION':
            event = {'remote': payload}
        else:
            event = childutils.get_headers(payload)
            event['to'] = headers['eventname'][len('PROCESS_STATE_'):]
        out.write(json.dumps(event) + '\n')
        out.flush()
        childutils.listener.ok()
