#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Types into an interactive shell on a terminal. completion_typed.py SHELL-COMMAND RESULT SETUP...

Runs the lines of SETUP, then types each line of standard input, in which \\t is the Tab key, and
Enter. What is called is to write its arguments to the file RESULT; they are read, and printed as one
line for each that was typed.
"""
import os
import pathlib
import pty
import select
import shlex
import sys
import time

SECONDS_MAX = 60


class Shell:
    def __init__(self, command):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvp(command[0], command)
        self.said = b""

    def wait_for(self, is_there):
        """Reads what the shell prints until something is there."""
        end = time.monotonic() + SECONDS_MAX
        while not is_there():
            if time.monotonic() > end:
                sys.exit(f"nothing came; the terminal shows:\n{self.said.decode(errors='replace')}")
            if select.select([self.fd], [], [], 0.05)[0]:
                self.said += os.read(self.fd, 65536)

    def send(self, text):
        os.write(self.fd, text.encode())


def main():
    command, result, setup = shlex.split(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]
    shell = Shell(command)
    for number, line in enumerate(setup):
        shell.send(f"{line}; echo done''-{number}\n")
        shell.wait_for(lambda: f"done-{number}".encode() in shell.said)
    for line in sys.stdin.read().splitlines():
        result.unlink(missing_ok=True)
        shell.send(line.replace("\\t", "\t") + "\n")
        shell.wait_for(result.exists)
        print(result.read_text(encoding="utf-8").rstrip("\n"))
    shell.send("exit\n")


main()
