# floods.py [LINES [STREAM]]: writes numbered lines of 100 bytes as fast as they are taken, to stdout (or stderr): so many, or without end.
import itertools
import sys
import time

count = int(sys.argv[1]) if len(sys.argv) > 1 else 0
out = sys.stderr.buffer if sys.argv[2:] == ['stderr'] else sys.stdout.buffer
numbers = range(count) if count else itertools.count()
for number in numbers:
    out.write((b'line %d ' % number).ljust(99, b'.') + b'\n')
out.flush()
while True:
    time.sleep(3600)
