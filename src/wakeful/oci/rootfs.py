"""Unpacked images: one directory for each stack of layers, made once and never changed."""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import tempfile
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

from wakeful.oci.blobs import BlobDirectory
from wakeful.oci.errors import ImageError
from wakeful.oci.image import ImageUser
from wakeful.oci.layers import apply_layer, resolve_in_root


class RootfsCache:
    """Directories named after the chain of their layers, shared by images that differ in
    configuration only.
    """

    def __init__(self, root: Path, blobs: BlobDirectory) -> None:
        self._root, self._blobs = root, blobs
        root.mkdir(exist_ok=True)

    def find(self, chain: str) -> Path | None:
        """Return the directory for ``chain``, if it was made."""
        path = self._root / chain.removeprefix("sha256:")
        return path if path.is_dir() else None

    def ensure(self, chain: str, layers: Sequence[tuple[str, str]], *, subject: str) -> Path:
        """Return the directory for ``layers`` (digest and diff_id), made when missing.

        Blocks while another thread or process makes the same one.
        """
        name = chain.removeprefix("sha256:")
        path = self._root / name
        if path.is_dir():
            return path
        with (self._root / f"{name}.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if path.is_dir():
                return path
            growing = Path(tempfile.mkdtemp(prefix=f".{name[:12]}-", dir=self._root))
            try:
                growing.chmod(0o755)
                for digest, diff_id in layers:
                    with self._blobs.path(digest).open("rb") as source:
                        apply_layer(source, growing, subject=subject, diff_id=diff_id)
                _sync_file_system(growing)
                growing.rename(path)
            except OSError as error:
                raise ImageError(f"{subject}: cannot be unpacked: {error}") from error
            finally:
                shutil.rmtree(growing, ignore_errors=True)
        return path

    def set_aside_all_but(self, chains: Collection[str]) -> list[Path]:
        """Move every other directory out of the way, and return where they are to be deleted.

        Nobody may be making one meanwhile.
        """
        names = {chain.removeprefix("sha256:") for chain in chains}
        aside: list[Path] = []
        for path in list(self._root.iterdir()):
            if path.name.removesuffix(".lock") in names:
                continue
            if path.is_dir():
                trash = Path(tempfile.mkdtemp(prefix=".trash-", dir=self._root))
                aside.append(trash)
                with suppress(FileNotFoundError):  # another's, deleted by now
                    path.rename(trash / path.name)
            else:
                path.unlink(missing_ok=True)
        return aside


def find_user(root: Path, text: str) -> ImageUser:
    """Turn ``user``, ``uid``, ``user:group`` or ``uid:gid`` into numbers by the image's files."""
    user, _, group = text.partition(":")
    if not user:
        return ImageUser(text)
    uid: int | None = None
    gid: int | None = None
    for fields in _records(root, "etc/passwd"):
        if len(fields) > 3 and user in (fields[0], fields[2]):
            with suppress(ValueError):
                uid, gid = int(fields[2]), int(fields[3])
                break
    if uid is None and user.isdecimal():
        uid = int(user)
    if group.isdecimal():
        gid = int(group)
    elif group:
        gid = None
        for fields in _records(root, "etc/group"):
            if len(fields) > 2 and group == fields[0] and fields[2].isdecimal():
                gid = int(fields[2])
                break
    return ImageUser(text, uid, gid if gid is not None or uid is None else 0)


def _records(root: Path, name: str) -> list[list[str]]:
    directory = Path(resolve_in_root(str(root), name))
    try:
        if directory.stat(follow_symlinks=False).st_size > 1 << 20:
            return []
        text = directory.read_text(errors="replace")
    except OSError:
        return []
    return [line.split(":") for line in text.splitlines()]


def _sync_file_system(path: Path) -> None:
    """One flush for the whole tree: a directory that has its final name is whole, always."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        ctypes.CDLL(None, use_errno=True).syncfs(descriptor)
    finally:
        os.close(descriptor)
