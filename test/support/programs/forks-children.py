# forks-children.py COUNT [FILE]: starts so many children of its own group, writes their pids to FILE, one a line, and says "ready". It
# does not end its children when it ends.
import os
import subprocess
import sys
import time

children = [subprocess.Popen(['sleep', '3600']) for _ in range(int(sys.argv[1]))]
if len(sys.argv) > 2:
    part = sys.argv[2] + '.part'
    with open(part, 'w') as out:
        out.writelines('%d\n' % child.pid for child in children)
    os.rename(part, sys.argv[2])
print('ready', flush=True)
while True:
    time.sleep(3600)
