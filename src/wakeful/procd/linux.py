"""System calls that Python 3.11 does not offer: namespaces, mounts, capabilities, clone.

Thin wrappers that raise ``OSError``. Not for decisions.
"""

from __future__ import annotations

import ctypes
import os
import struct

CLONE_NEWTIME = 0x00000080
CLONE_PARENT = 0x00008000
CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
CLONE_INTO_CGROUP = 0x200000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE, MS_SLAVE = 32, 4096, 16384, 1 << 18, 1 << 19
MNT_DETACH = 2

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2

_NS_GET_USERNS = 0xB701
_AT_FDCWD = -100
_AT_EMPTY_PATH = 0x1000
_AT_RECURSIVE = 0x8000
_OPEN_TREE_CLONE, _OPEN_TREE_CLOEXEC = 1, os.O_CLOEXEC
_MOVE_MOUNT_F_EMPTY_PATH = 4
_MOUNT_ATTR_RDONLY, _MOUNT_ATTR_NOSUID, _MOUNT_ATTR_NODEV = 1, 2, 4
_MOUNT_ATTR_IDMAP = 0x00100000
_SYS_OPEN_TREE, _SYS_MOVE_MOUNT, _SYS_CLONE3, _SYS_MOUNT_SETATTR = 428, 429, 435, 442
_SYS_CLONE = {"x86_64": 56, "aarch64": 220}
_CAP_VERSION_3 = 0x20080522
CAP_LAST = 40

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_machine = os.uname().machine


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result


def setns(fd: int, kind: int) -> None:
    """Enter the namespace that ``fd`` refers to."""
    _check(_libc.setns(fd, kind), "setns")


def unshare(flags: int) -> None:
    """Leave the given namespaces for new ones."""
    _check(_libc.unshare(flags), "unshare")


def prctl(option: int, arg2: int = 0, arg3: int = 0) -> int:
    """Change a property of this process."""
    return _check(
        _libc.prctl(
            option,
            ctypes.c_ulong(arg2),
            ctypes.c_ulong(arg3),
            ctypes.c_ulong(0),
            ctypes.c_ulong(0),
        ),
        "prctl",
    )


def mount(source: str, target: str, fstype: str = "", flags: int = 0, data: str = "") -> None:
    """The classic mount call."""
    _check(
        _libc.mount(
            os.fsencode(source) or None,
            os.fsencode(target),
            fstype.encode() or None,
            ctypes.c_ulong(flags),
            os.fsencode(data) or None,
        ),
        target,
    )


def umount(target: str, flags: int = MNT_DETACH) -> None:
    """Take the topmost mount off ``target``."""
    _check(_libc.umount2(os.fsencode(target), flags), target)


def bind(source: str, target: str, *, read_only: bool, recursive: bool, userns: int = -1) -> None:
    """Show ``source`` at ``target``, without devices and set-user bits.

    With ``userns``, owners are translated as that user namespace maps them. Raises ``OSError``
    (EINVAL) where the file system or the kernel cannot.
    """
    flags = _OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC | (_AT_RECURSIVE if recursive else 0)
    tree = _check(
        _libc.syscall(_SYS_OPEN_TREE, _AT_FDCWD, os.fsencode(source), ctypes.c_uint(flags)), source
    )
    try:
        attributes = _MOUNT_ATTR_NOSUID | _MOUNT_ATTR_NODEV
        if read_only:
            attributes |= _MOUNT_ATTR_RDONLY
        if userns >= 0:
            attributes |= _MOUNT_ATTR_IDMAP
        attr = struct.pack("=QQQQ", attributes, 0, 0, max(userns, 0))
        _check(
            _libc.syscall(
                _SYS_MOUNT_SETATTR,
                tree,
                b"",
                ctypes.c_uint(_AT_EMPTY_PATH | (_AT_RECURSIVE if recursive else 0)),
                attr,
                ctypes.c_size_t(len(attr)),
            ),
            source,
        )
        _check(
            _libc.syscall(
                _SYS_MOVE_MOUNT,
                tree,
                b"",
                _AT_FDCWD,
                os.fsencode(target),
                ctypes.c_uint(_MOVE_MOUNT_F_EMPTY_PATH),
            ),
            target,
        )
    finally:
        os.close(tree)


def owning_userns(namespace: int) -> int:
    """Return a descriptor of the user namespace that owns ``namespace``."""
    return _check(_libc.ioctl(namespace, ctypes.c_ulong(_NS_GET_USERNS)), "ioctl")


def clone_as_sibling() -> int:
    """Fork, but the child belongs to our parent; 0 in the child."""
    number = _SYS_CLONE.get(_machine)
    if number is None:
        raise OSError(38, "clone is unknown on this machine", _machine)
    zero = ctypes.c_ulong(0)
    flags = ctypes.c_ulong(CLONE_PARENT | 17)
    return _check(_libc.syscall(number, flags, zero, zero, zero, zero), "clone")


def clone_into_cgroup(cgroup: int) -> int:
    """Fork into the cgroup (version 2) that descriptor ``cgroup`` refers to; 0 in the child."""
    args = struct.pack("=11Q", CLONE_INTO_CGROUP, 0, 0, 0, 17, 0, 0, 0, 0, 0, cgroup)
    return _check(_libc.syscall(_SYS_CLONE3, args, ctypes.c_size_t(len(args))), "clone3")


def bound_capabilities(mask: int) -> None:
    """Give up for good every capability that is not in ``mask``."""
    for number in range(CAP_LAST + 1):
        if not mask >> number & 1:
            try:
                prctl(PR_CAPBSET_DROP, number)
            except OSError as error:
                if error.errno not in (1, 22):  # not ours to drop, or unknown to this kernel
                    raise


def set_capabilities(mask: int, *, ambient: bool) -> None:
    """Have exactly the capabilities in ``mask``, through exec as well when ``ambient``."""
    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = struct.pack("=Ii", _CAP_VERSION_3, 0)
    inherit = (low, high) if ambient else (0, 0)
    data = struct.pack("=6I", low, low, inherit[0], high, high, inherit[1])
    _check(_libc.capset(header, data), "capset")
    if ambient:
        for number in range(CAP_LAST + 1):
            if mask >> number & 1:
                prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number)


def make_userns(mapping: list[list[int]], owner: int) -> int:
    """Create a user namespace with ``mapping`` (inside, outside, count) for users and groups.

    Nobody lives in it: the returned descriptor keeps it alive. User ``owner`` may enter it.
    """
    up_r, up_w = os.pipe()
    go_r, go_w = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(up_r)
            os.close(go_w)
            if owner != os.geteuid():
                os.setresgid(owner, owner, owner)
                os.setresuid(owner, owner, owner)
            unshare(CLONE_NEWUSER)
            os.write(up_w, b"1")
            os.read(go_r, 1)
            code = 0
        finally:
            os._exit(code)
    os.close(up_w)
    os.close(go_r)
    try:
        if os.read(up_r, 1) != b"1":
            raise OSError(1, "the kernel refuses a user namespace")
        text = "".join(f"{inside} {outside} {count}\n" for inside, outside, count in mapping)
        for kind in ("uid_map", "gid_map"):
            fd = os.open(f"/proc/{pid}/{kind}", os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.write(fd, text.encode())
            finally:
                os.close(fd)
        return os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(go_w)
        os.close(up_r)
        os.waitpid(pid, 0)
