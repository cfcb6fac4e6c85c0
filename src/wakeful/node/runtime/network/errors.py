"""What can go wrong while wiring pods."""

from __future__ import annotations

from wakeful.node.runtime.errors import RuntimeOperationError


class NetworkError(RuntimeOperationError):
    """The kernel refused a network operation; ``errno`` says how, 0 when it was not the kernel."""

    def __init__(self, message: str, *, errno: int = 0) -> None:
        super().__init__(message)
        self.errno = errno
