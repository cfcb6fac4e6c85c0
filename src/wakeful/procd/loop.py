"""A reactor: descriptors, timers, signals. Small on purpose (see the package's docstring)."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
import selectors
import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Timer:
    """A call in the future that can be taken back."""

    __slots__ = ("callback", "cancelled")

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback, self.cancelled = callback, False

    def cancel(self) -> None:
        """Do not call."""
        self.cancelled = True


class Loop:
    """Calls back when descriptors are ready, timers due, or signals arrived.

    ``on_error`` is called while handling an exception that a callback let through.
    """

    def __init__(self, on_error: Callable[[], None]) -> None:
        self._on_error = on_error
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._wake_r, self._wake_w = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._on_signal: dict[int, Callable[[], None]] = {}
        self.running = True
        self.watch(self._wake_r, READ, self._wake)

    def watch(self, fd: int, events: int, callback: Callable[[int], None]) -> None:
        """Call ``callback(events)`` while ``fd`` is ready; replaces an earlier watch."""
        try:
            self._selector.modify(fd, events, callback)
        except KeyError:
            self._selector.register(fd, events, callback)

    def unwatch(self, fd: int) -> None:
        """Forget ``fd``; nothing happens when it is not watched."""
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(fd)

    def after(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call once, ``seconds`` from now."""
        timer = Timer(callback)
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), timer))
        return timer

    def on_signal(self, number: int, callback: Callable[[], None]) -> None:
        """Call in the loop, not in the handler."""
        self._on_signal[number] = callback
        signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(self._wake_w, warn_on_full_buffer=False)

    def _wake(self, _: int) -> None:
        try:
            numbers = set(os.read(self._wake_r, 4096))
        except BlockingIOError:
            return
        for number in numbers:
            callback = self._on_signal.get(number)
            if callback:
                callback()

    def run(self) -> None:
        """Until ``running`` is false."""
        while self.running:
            while self._timers and self._timers[0][2].cancelled:
                heapq.heappop(self._timers)
            wait = self._timers[0][0] - time.monotonic() if self._timers else None
            for key, events in self._selector.select(None if wait is None else max(0.0, wait)):
                self._call(key.data, events)
            now = time.monotonic()
            while self._timers and self._timers[0][0] <= now:
                timer = heapq.heappop(self._timers)[2]
                if not timer.cancelled:
                    self._call(timer.callback)

    def _call(self, callback: Callable[..., None], *args: int) -> None:
        """Whatever goes wrong in one callback, all children depend on the loop going on."""
        try:
            callback(*args)
        except Exception:  # noqa: BLE001
            self._on_error()
