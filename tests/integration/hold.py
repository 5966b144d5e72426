#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""hold.py [--links|--keep] PID...: holds all threads of processes still, as a debugger does: they are not
stopped by a signal, so nobody is told; with --links all but the main one, which are those that carry
what goes over links. Says "held" when all are, and ends with 0 when all of them were killed; with
--keep it does not end, and whoever is killed is not gone before it does. Exit status 77: the kernel
does not let us."""
import ctypes
import os
import signal
import sys

PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207
WALL = 0x40000000

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def ptrace(request, thread):
    if libc.ptrace(request, thread, None, None) != 0:
        print(f"ptrace of {thread}: {os.strerror(ctypes.get_errno())}", file=sys.stderr)
        sys.exit(77)


def main():
    threads = set()
    pids = [word for word in sys.argv[1:] if not word.startswith("--")]
    for pid in pids:
        for name in os.listdir(f"/proc/{pid}/task"):
            if name == pid and "--links" in sys.argv:
                continue
            thread = int(name)
            ptrace(PTRACE_SEIZE, thread)
            ptrace(PTRACE_INTERRUPT, thread)
            os.waitpid(thread, WALL)
            threads.add(thread)
    print("held", flush=True)
    while "--keep" in sys.argv:
        signal.pause()
    while threads:
        thread, status = os.waitpid(-1, WALL)
        if os.WIFSIGNALED(status) or os.WIFEXITED(status):
            threads.discard(thread)


main()
