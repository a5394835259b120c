# ignores-term.py: says "ready", and "ignored" for each TERM and INT; only KILL ends it.
import signal
import time


def ignore(number, frame):
    print('ignored', flush=True)


signal.signal(signal.SIGTERM, ignore)
signal.signal(signal.SIGINT, ignore)
print('ready', flush=True)
while True:
    time.sleep(3600)
