"""What can go wrong between the agent and a runtime.

::

    WakefulError
    └── RuntimeOperationError        the runtime could not do it; retry later
        ├── RuntimeUnavailableError  no such runtime here, or it does not answer
        ├── SandboxNotFoundError
        ├── SandboxExistsError
        ├── ContainerNotFoundError
        └── ContainerStartError      this container cannot start as configured
"""

from __future__ import annotations

from wakeful.apimachinery.errors import WakefulError


class RuntimeOperationError(WakefulError):
    """The runtime could not do what was asked."""


class RuntimeUnavailableError(RuntimeOperationError):
    """The runtime's own machinery is missing or does not answer."""


class SandboxNotFoundError(RuntimeOperationError):
    """No sandbox has this id."""

    def __init__(self, sandbox_id: str) -> None:
        super().__init__(f"sandbox {sandbox_id!r} does not exist")
        self.sandbox_id = sandbox_id


class SandboxExistsError(RuntimeOperationError):
    """A sandbox with this id exists already."""

    def __init__(self, sandbox_id: str) -> None:
        super().__init__(f"sandbox {sandbox_id!r} exists already")
        self.sandbox_id = sandbox_id


class ContainerNotFoundError(RuntimeOperationError):
    """No container has this id."""

    def __init__(self, container_id: str) -> None:
        super().__init__(f"container {container_id!r} does not exist")
        self.container_id = container_id


class ContainerStartError(RuntimeOperationError):
    """The container cannot start as it is configured; ``reason`` is a word for ``waiting.reason``.

    Reasons follow the kubelet: ``CreateContainerConfigError`` for a configuration that cannot be
    carried out, ``StartError`` for a program that cannot be executed.
    """

    def __init__(self, container: str, message: str, *, reason: str = "StartError") -> None:
        super().__init__(f"container {container!r}: {message}")
        self.container, self.message, self.reason = container, message, reason
