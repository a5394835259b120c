# Feeds scenarios to Supervisor's own PEventListenerDispatcher and prints what came of each step: JSON in, JSON out.
import json
import sys

from supervisor import events
from supervisor.dispatchers import PEventListenerDispatcher, default_handler
from supervisor.states import getEventListenerStateDescription as name_of, EventListenerStates as States


class Bag:
    def __init__(self, **values):
        self.__dict__.update(values)


class Logger:
    def __init__(self):
        self.lines = []

    def debug(self, line):
        self.lines.append(line)

    info = warn = debug


def play(steps):
    logger = Logger()
    chunk = [b'']
    options = Bag(logger=logger, readfd=lambda fd: chunk[0], strip_ansi=False)
    config = Bag(name='l', options=options, stdout_logfile=None)
    process = Bag(config=config, group=Bag(config=Bag(result_handler=default_handler)))
    dispatcher = PEventListenerDispatcher(process, 'stdout', 1)
    rejected = []
    events.clear()
    events.subscribe(events.EventRejectedEvent, rejected.append)
    told = []
    for step in steps:
        del logger.lines[:], rejected[:]
        if step is None:
            if process.listener_state == States.READY:
                process.listener_state = States.BUSY
                process.event = object()
        else:
            chunk[0] = bytes.fromhex(step)
            dispatcher.handle_read_event()
        result = None
        if rejected:
            result = 'rejected'
        elif 'l: event was processed' in logger.lines:
            result = 'processed'
        told.append([name_of(process.listener_state), result])
    return told


json.dump([play(steps) for steps in json.load(sys.stdin)], sys.stdout)
