"""The stage: mounts that sandboxes are built from, in a mount namespace of our own.

Sources may lie where no other user can look (a home directory, mode 0700); on the stage they have
public paths, and owners shifted into the range of users that sandboxes run as. Nothing of it is
visible to the host, and all of it goes away with the last process of this namespace.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import zlib

from wakeful.procd import linux
from wakeful.procd.errors import SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_PREFIX, _SUFFIX = "wakeful-", ".stage"
_NO_IDMAP = (1, 22, 38, 95)  # EPERM, EINVAL, ENOSYS, EOPNOTSUPP: this file system cannot


class Stage:
    """A tmpfs under ``/run`` that only this process and its children see; needs root."""

    def __init__(self, run_dir: str, log: Callable[[str], None]) -> None:
        self._log = log
        self.path = ""
        self.error = ""
        self._userns: dict[str, int] = {}
        self._once: set[str] = set()
        self._places: set[str] = set()
        self._lock = -1
        if os.geteuid() != 0:
            self.error = "not running as root"
            return
        path = f"/run/{_PREFIX}{zlib.crc32(run_dir.encode()):08x}{_SUFFIX}"
        try:
            _remove_dead_stages()
            self._lock = _make_locked(path)
            linux.unshare(linux.CLONE_NEWNS)
            linux.mount("", "/", flags=linux.MS_REC | linux.MS_SLAVE)
            linux.mount(
                "wakeful",
                path,
                "tmpfs",
                linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC,
                "mode=0711",
            )
        except OSError as error:
            self.error = f"the kernel refuses a mount namespace: {error}"
            return
        self.path = path

    def userns(self, mapping: list[list[int]], owner: int | None = None) -> int:
        """Return the (shared) user namespace with this mapping; the descriptor stays ours."""
        key = repr((mapping, owner))
        if key not in self._userns:
            user = os.geteuid() if owner is None else owner
            self._userns[key] = linux.make_userns(mapping, user)
        return self._userns[key]

    def mount(self, steps: list[dict[str, Any]]) -> None:
        """Carry out ``steps``; when one fails, what they made is taken away again.

        A step with ``once`` is skipped when its target was mounted before.
        """
        done: list[str] = []
        try:
            for step in steps:
                target = self._inside(step["target"])
                kind = step["kind"]
                if kind in ("dir", "file", "link"):
                    _make(step, target)
                    continue
                if step.get("once") and target in self._once:
                    continue
                done.append(target)
                if kind == "bind":
                    self._bind(step, target)
                elif kind == "overlay":
                    self._overlay(step, target)
                elif kind == "tmpfs":
                    self._tmpfs(target)
                else:
                    raise SpecError(f"mount kind {kind!r} is unknown")  # noqa: TRY301
                if step.get("once"):
                    self._once.add(target)
        except BaseException:
            for target in reversed(done):
                with contextlib.suppress(OSError):
                    self.unmount(target)
            raise

    def _inside(self, target: str) -> str:
        if not self.path:
            raise SpecError(f"there is no stage: {self.error}")
        if os.path.normpath(target) != target or not target.startswith(self.path + "/"):
            raise SpecError(f"target {target!r} is not on the stage")
        return target

    def _bind(self, step: dict[str, Any], target: str) -> None:
        source: str = step["source"]
        _make({**step, "kind": "dir" if os.path.isdir(source) else "file"}, target)
        read_only = bool(step.get("read_only", True))
        mapping = step.get("idmap")
        if mapping:
            try:
                linux.bind(
                    source,
                    target,
                    read_only=read_only,
                    recursive=False,
                    userns=self.userns(mapping),
                )
            except OSError as error:
                if error.errno not in _NO_IDMAP or not step.get("idmap_optional"):
                    raise
            else:
                return
        linux.bind(source, target, read_only=read_only, recursive=True)

    def _tmpfs(self, target: str) -> None:
        """A place for one sandbox: one mount, whose end is the end of everything on it."""
        _make_dirs(target, 0o711, None)
        flags = linux.MS_NOSUID | linux.MS_NODEV
        linux.mount("wakeful", target, "tmpfs", flags, "mode=0711")
        self._places.add(target)

    def _overlay(self, step: dict[str, Any], target: str) -> None:
        paths = [*step["lower"], step["upper"], step["work"]]
        if any(c in path for path in paths for c in ":,\\"):
            raise SpecError("an overlay's paths must not contain ':', ',' or '\\'")
        _make_dirs(target, 0o755, None)
        lower = ":".join(step["lower"])
        options = f"lowerdir={lower},upperdir={step['upper']},workdir={step['work']}"
        flags = linux.MS_NOSUID | linux.MS_NODEV
        try:
            # Changes go away with the container: without this, unmounting would wait for the disk.
            linux.mount("overlay", target, "overlay", flags, options + ",volatile")
        except OSError as error:
            if error.errno != 22:  # kernels before 5.10 do not know it
                raise
            linux.mount("overlay", target, "overlay", flags, options)

    def unmount(self, target: str) -> None:
        """Remove ``target``, what is mounted on and below it, and its directories.

        Sandboxes made from it keep their own mounts, and the memory or disk below those.
        """
        self._inside(target)
        if target in self._places:
            # Every call waits for all processors to notice, however much it takes away.
            linux.umount(target)
            self._places.discard(target)
            os.rmdir(target)
            return
        self._once = {t for t in self._once if t != target and not t.startswith(target + "/")}
        for point in self._mounts_below(target):
            linux.umount(point)
        if os.path.isdir(target):
            for directory, names, files in os.walk(target, topdown=False):
                for name in files:
                    os.unlink(f"{directory}/{name}")
                for name in names:
                    os.rmdir(f"{directory}/{name}")
            os.rmdir(target)
        elif os.path.exists(target):
            os.unlink(target)

    @staticmethod
    def _mounts_below(target: str) -> list[str]:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            points = [line.split()[4] for line in file]
        found = [p for p in points if p == target or p.startswith(target + "/")]
        return [
            p.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
            for p in reversed(found)
        ]

    def close(self) -> None:
        """Leave nothing on the host."""
        for fd in self._userns.values():
            os.close(fd)
        self._userns = {}
        if self.path:
            try:
                for point in self._mounts_below(self.path):
                    linux.umount(point)
                os.rmdir(self.path)
            except OSError as error:
                self._log(f"stage not removed: {error}")
            self.path = ""
            os.close(self._lock)


def _make_locked(path: str) -> int:
    """Make a directory and lock it, so that others can tell it from one left behind."""
    for _ in range(10):
        os.makedirs(path, mode=0o711, exist_ok=True)
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(fd, fcntl.LOCK_EX)
        try:
            if os.path.samestat(os.stat(path), os.fstat(fd)):
                return fd
        except FileNotFoundError:  # somebody took it for dead before it was locked
            pass
        os.close(fd)
    raise OSError(11, "directory cannot be locked", path)


def _remove_dead_stages() -> None:
    """Remove the (empty) mount points of supervisors that were killed."""
    for name in os.listdir("/run"):
        if name.startswith(_PREFIX) and name.endswith(_SUFFIX):
            with contextlib.suppress(OSError):
                fd = os.open(f"/run/{name}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    os.rmdir(f"/run/{name}")
                finally:
                    os.close(fd)


def _make(step: dict[str, Any], target: str) -> None:
    """Make a directory, an empty file or a link, and the directories above it."""
    owner = step.get("owner")
    if step["kind"] == "dir":
        _make_dirs(target, int(step.get("mode", 0o755)), owner)
        return
    _make_dirs(os.path.dirname(target), 0o755, owner)
    if step["kind"] == "link":
        os.symlink(step["text"], target)
    elif not os.path.exists(target):
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
        if owner:
            os.chown(target, *owner)


def _make_dirs(path: str, mode: int, owner: list[int] | None) -> None:
    """Make what is missing of ``path``; all new directories belong to ``owner``."""
    try:
        os.mkdir(path)
    except FileExistsError:
        if os.path.isdir(path):
            return
        raise
    except FileNotFoundError:
        _make_dirs(os.path.dirname(path), 0o755, owner)
        os.mkdir(path)
    if mode != 0o755:  # which it has by our own mask
        os.chmod(path, mode)
    if owner:
        os.chown(path, *owner)
