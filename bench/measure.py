"""Runs a command and prints its wall seconds, CPU seconds and peak memory (MB) as JSON; its output goes to stderr.

The operating system's own accounting of the finished process (wait4), not a sample.
"""
import json
import os
import subprocess
import sys
import time

began = time.monotonic()
process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=sys.stderr)
_, status, usage = os.wait4(process.pid, 0)
print(json.dumps({
    "wall": time.monotonic() - began,
    "cpu": usage.ru_utime + usage.ru_stime,
    "memory": usage.ru_maxrss / 1024 * 1.048576,
    "exit": os.waitstatus_to_exitcode(status),
}))
