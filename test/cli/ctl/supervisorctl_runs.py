# Runs Debian's supervisorctl again and again within one process: a line of JSON with arguments in, a line with what came of it out.
import io
import json
import sys

from supervisor import options, supervisorctl

out = sys.stdout
for line in sys.stdin:
    sys.stdout = printed = io.StringIO()
    sys.stderr = said = io.StringIO()
    options.Options.stdout = printed
    options.Options.stderr = said
    status = 0
    try:
        supervisorctl.main(json.loads(line))
    except SystemExit as end:
        status = end.code or 0
    run = {'stdout': printed.getvalue(), 'stderr': said.getvalue(), 'status': status}
    out.write(json.dumps(run) + '\n')
    out.flush()
