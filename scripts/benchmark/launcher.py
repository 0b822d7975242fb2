"""Started as a script of its own: runs one command and writes what it cost into a file.

Owns nothing else, and imports little: its own memory is the least that can be measured (about 9 MiB).
Arguments: the file for the report, then the command. The report is a JSON list: exit code (negative for a
signal), wall seconds, CPU seconds, peak resident memory in bytes.
"""

import os
import sys
import time

report, command = sys.argv[1], sys.argv[2:]
started_s = time.perf_counter()
process_id = os.posix_spawnp(command[0], command, os.environ)
_, status, usage = os.wait4(process_id, 0)
seconds = time.perf_counter() - started_s
unit = 1 if sys.platform == "darwin" else 1024  # Linux counts KiB
with open(report, "w", encoding="ascii") as file:
    code, cpu_s = os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime
    file.write(f"[{code}, {seconds!r}, {cpu_s!r}, {usage.ru_maxrss * unit}]")
