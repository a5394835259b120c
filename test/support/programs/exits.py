# exits.py CODE [SECONDS [LATER FILE]]: ends with CODE after so long. With FILE: once that is there (the first run makes it), with LATER.
# A CODE below 0 is a signal that it ends itself by.
import os
import sys
import time

code = int(sys.argv[1])
if len(sys.argv) > 2:
    time.sleep(float(sys.argv[2]))
if len(sys.argv) > 4:
    if os.path.exists(sys.argv[4]):
        code = int(sys.argv[3])
    else:
        open(sys.argv[4], 'w').close()
if code < 0:
    os.kill(os.getpid(), -code)
    time.sleep(3600)
sys.stdout.flush()
os._exit(code)
