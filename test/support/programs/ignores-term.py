# ignores-term.py: says "ready", and "ignored" for each TERM and INT; only KILL ends it.
import os
import signal
import time


def ignore(number, frame):
    # Not by print: a signal in the middle of another print would end the process with an error.
    os.write(1, b'ignored\n')


signal.signal(signal.SIGTERM, ignore)
signal.signal(signal.SIGINT, ignore)
os.write(1, b'ready\n')
while True:
    time.sleep(3600)
