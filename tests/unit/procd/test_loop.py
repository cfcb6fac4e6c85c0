"""The reactor goes on, whatever its callbacks do."""

from __future__ import annotations

import os

from wakeful.procd.loop import READ, Loop


def test_a_fault_in_a_callback_is_reported_and_survived() -> None:
    """All children depend on it."""
    faults: list[str] = []
    seen: list[str] = []
    loop = Loop(lambda: faults.append("fault"))
    read, write = os.pipe()
    os.write(write, b"x")

    def broken(_: int) -> None:
        loop.unwatch(read)
        raise KeyError("oops")

    def last() -> None:
        seen.append("last")
        loop.running = False

    loop.watch(read, READ, broken)
    loop.after(0.0, lambda: seen.append("first"))
    loop.after(0.01, last)
    loop.after(0.005, lambda: seen.append("never")).cancel()

    loop.run()

    assert (faults, seen) == (["fault"], ["first", "last"])
    os.close(read)
    os.close(write)
