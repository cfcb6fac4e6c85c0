"""Sandboxes and containers on this machine, behind one role: ``Runtime``.

Not for Pods: this package knows no kind. The agent translates, decides about restarts and probes.
"""

from wakeful.node.runtime.errors import (
    ContainerNotFoundError,
    ContainerStartError,
    RuntimeOperationError,
    RuntimeUnavailableError,
    SandboxExistsError,
    SandboxNotFoundError,
)
from wakeful.node.runtime.protocol import ExecProcess, Runtime
from wakeful.node.runtime.types import (
    ContainerConfig,
    ContainerEvent,
    ContainerEventType,
    ContainerState,
    ContainerStats,
    ContainerStatus,
    ExecConfig,
    Isolation,
    LogPolicy,
    Mount,
    ResourceLimits,
    RuntimeInfo,
    SandboxConfig,
    SandboxStats,
    SandboxStatus,
    Tmpfs,
)

__all__ = [
    "ContainerConfig",
    "ContainerEvent",
    "ContainerEventType",
    "ContainerNotFoundError",
    "ContainerStartError",
    "ContainerState",
    "ContainerStats",
    "ContainerStatus",
    "ExecConfig",
    "ExecProcess",
    "Isolation",
    "LogPolicy",
    "Mount",
    "ResourceLimits",
    "Runtime",
    "RuntimeInfo",
    "RuntimeOperationError",
    "RuntimeUnavailableError",
    "SandboxConfig",
    "SandboxExistsError",
    "SandboxNotFoundError",
    "SandboxStats",
    "SandboxStatus",
    "Tmpfs",
]
