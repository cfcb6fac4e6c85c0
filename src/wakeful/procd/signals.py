"""Who of a child's tree gets a signal."""

from __future__ import annotations

import contextlib
import os
import signal


def main_pid(pid: int) -> int:
    """Return the user's process of a sandbox whose monitor is ``pid``; ``pid`` for others.

    The sandbox's tree is monitor → init → program → …; a young one may not have its program yet.
    """
    init = first_child(pid)
    return (first_child(init) or init) if init else pid


def is_set_up(pid: int) -> bool:
    """Whether the sandbox whose monitor is ``pid`` stands: its program has been forked."""
    init = first_child(pid)
    return bool(init and first_child(init))


def first_child(pid: int) -> int:
    """Return the eldest living child of ``pid``, or 0."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", "rb", buffering=0) as file:
            text = file.read(4096).split()
    except OSError:
        return 0
    return int(text[0]) if text else 0


def send(pid: int, number: int, to: str) -> bool:
    """Send a signal; return whether there was somebody to receive it.

    ``to`` is ``process``, ``group``, or ``main``: the program of the sandbox whose monitor is
    ``pid``.
    """
    try:
        if to == "group":
            os.killpg(pid, number)
        elif to == "main":
            return _send_main(pid, number)
        else:
            os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def _send_main(monitor: int, number: int) -> bool:
    init = first_child(monitor)
    main = first_child(init) if init else 0
    if not main:
        if number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            os.kill(init or monitor, signal.SIGKILL)  # its program has not begun yet
            return True
        return False
    fd = os.pidfd_open(main)
    try:
        if first_child(init) == main:  # the number was not given to another meanwhile
            signal.pidfd_send_signal(fd, number)
    finally:
        os.close(fd)
    return True


def kill_orphans() -> None:
    """Kill and reap adopted grandchildren: this process is their reaper."""
    for _ in range(1000):
        child = first_child(os.getpid())
        if not child:
            return
        with contextlib.suppress(OSError):
            os.kill(child, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child, 0)
