"""Names and numbers of capabilities."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_NAMES = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
]
NUMBERS = {name: number for number, name in enumerate(_NAMES)}

ENGINE_DEFAULT = (
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
)
"""What engines give to root, less what reaches beyond the user namespace (devices, raw sockets,
the audit log)."""


def effective(requested: Sequence[str] | None, uid: int) -> tuple[str, ...]:
    """Return the names in force, without ``CAP_``, sorted.

    Raises:
        ValueError: A name is unknown.
    """
    if requested is None:
        return ENGINE_DEFAULT if uid == 0 else ()
    names = {name.upper().removeprefix("CAP_") for name in requested}
    unknown = sorted(names - NUMBERS.keys())
    if unknown:
        raise ValueError(f"capability {unknown[0]!r} is unknown")
    return tuple(sorted(names))


def mask(names: Iterable[str]) -> int:
    """Return the bit mask."""
    return sum(1 << NUMBERS[name] for name in set(names))
