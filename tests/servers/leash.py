"""Run a server and end it when the process that wanted it is gone, however that process died.

Usage: python leash.py WATCHED_PID FOLDER USER_ID COMMAND…

Writes the server's process id to FOLDER/server.pid. USER_ID is the user the server runs as (-1: the same as
ours). When WATCHED_PID has vanished the server is killed and FOLDER removed. Runs alone, with the standard
library only, so that it starts in milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

POLL_S = 0.1


def alive(pid: int) -> bool:
    """True while a process with this id exists; a zombie counts as gone where /proc can tell."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return not Path("/proc/self/stat").exists()
    return not stat.rpartition(")")[2].split()[0].startswith("Z")


def children(pid: int) -> list[int]:
    """The direct children of a process; empty where there is no /proc (they see the death themselves)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:  # it ended while we looked
            continue
        if fields[1] == str(pid):
            found.append(int(entry.parent.name))
    return found


def kill_tree(pid: int) -> None:
    """`kill -9` a server and its direct children, at once and without a word, as a power cut would."""
    for victim in [pid, *children(pid)]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)


def main(watched: int, folder: Path, user_id: int, command: list[str]) -> int:
    """Start the command, wait for its end or for the end of the watched process."""
    identity = {} if user_id < 0 else {"user": user_id, "group": user_id, "extra_groups": []}
    with (folder / "server.log").open("ab") as log:
        server = subprocess.Popen(  # type: ignore[call-overload]  # the mapping's values differ in kind
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, **identity
        )
    (folder / "server.pid").write_text(str(server.pid), encoding="ascii")
    while server.poll() is None:
        if not alive(watched):
            kill_tree(server.pid)
            server.wait()
            shutil.rmtree(folder, ignore_errors=True)
            return 1
        time.sleep(POLL_S)
    return int(server.returncode)


if __name__ == "__main__":
    # A keyboard interrupt goes to the whole terminal group: the test session decides when the server ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]))
