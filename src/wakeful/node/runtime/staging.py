"""A container's root built by mounts on procd's stage, before bubblewrap starts.

Mounts made there by the supervisor cost a fraction of what they cost inside.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wakeful.node.runtime import idmap
from wakeful.node.runtime.command import Bind
from wakeful.node.runtime.paths import HostView, below


@dataclass(frozen=True, slots=True)
class Wanted:
    """Something of the host that is to appear inside."""

    source: str
    target: str
    read_only: bool = True
    mapped: bool = False
    is_file: bool = False


class Staging:
    """Collects the steps that build the root of one container at ``root``.

    ``place`` is the container's own on the stage, ``images`` one that all share; ``mapping`` is
    how ids inside are related to ours.
    """

    def __init__(self, place: Path, images: Path, mapping: Sequence[tuple[int, int, int]]) -> None:
        self.root = f"{place}/root"
        self.steps: list[dict[str, Any]] = [{"kind": "tmpfs", "target": str(place)}]
        self._images, self._mapping = images, mapping

    @property
    def _owner(self) -> list[int]:
        """Root inside."""
        return [idmap.FIRST_ID, idmap.FIRST_ID]

    def show_host(
        self, view: HostView, missing: Mapping[str, Sequence[str]], files: Collection[str]
    ) -> None:
        """Build the host's view.

        Directories of the host that lack mount points get a layer in memory in which they can be
        made: ``missing`` lists them by directory, and ``files`` are those that are no directories.
        """
        root = self.root
        dirs = ("proc", "dev", "run", "sys", "var")
        self.steps += [
            {"kind": "dir", "target": root, "owner": self._owner},
            *({"kind": "dir", "target": f"{root}/{name}", "owner": self._owner} for name in dirs),
            {"kind": "link", "target": f"{root}/var/run", "text": "/run"},
            *({"kind": "link", "target": f"{root}{at}", "text": text} for at, text in view.links),
            *(
                {"kind": "bind", "source": top, "target": f"{root}{top}"}
                for top in view.directories
                if top not in missing
            ),
        ]
        for number, (directory, places) in enumerate(missing.items()):
            layer = f"{root}-layer{number}"
            self.steps += [
                {"kind": "dir", "target": f"{layer}/upper"},
                {"kind": "dir", "target": f"{layer}/work"},
                {
                    "kind": "overlay",
                    "lower": [directory],
                    "upper": f"{layer}/upper",
                    "work": f"{layer}/work",
                    "target": f"{root}{directory}",
                },
            ]
            for place in places:
                kind = "file" if place in files else "dir"
                self.steps.append({"kind": kind, "target": f"{root}{place}", "owner": self._owner})

    def show_image(self, rootfs: Path, layer: Path | None) -> None:
        """Put an image there, with a layer of this run's own on top: in memory if None is given."""
        status = rootfs.stat()
        mapping = self._mapping
        owner = [
            idmap.outside(mapping, min(number, idmap.RANGE - 1))
            for number in (status.st_uid, status.st_gid)
        ]
        if layer is None:
            upper, work = Path(f"{self.root}-layer/upper"), Path(f"{self.root}-layer/work")
            mode = status.st_mode & 0o7777
            self.steps += [
                {"kind": "dir", "target": str(upper), "mode": mode, "owner": owner},
                {"kind": "dir", "target": str(work)},
            ]
        else:
            upper, work = layer / "upper", layer / "work"
            have = upper.stat()
            if have.st_mode != status.st_mode:
                upper.chmod(status.st_mode & 0o7777)
            if [have.st_uid, have.st_gid] != owner:
                os.chown(upper, *owner)
        # The number of the directory is part of the key: an image removed and unpacked again is
        # another directory at the same place.
        key = f"{rootfs}\0{status.st_dev}\0{status.st_ino}\0{mapping}"
        lower = f"{self._images}/{zlib.crc32(key.encode()):08x}"
        self.steps += [
            {
                "kind": "bind",
                "source": str(rootfs),
                "target": lower,
                "read_only": True,
                "idmap": [list(entry) for entry in mapping],
                "idmap_optional": True,
                "once": True,
            },
            {
                "kind": "overlay",
                "lower": [lower],
                "upper": str(upper),
                "work": str(work),
                "target": self.root,
            },
        ]

    def add_controllers(self, directory: str, places: Sequence[str]) -> None:
        """Make ``directory``, which all controllers are in, a mount: by that programs find them.

        An empty directory for each is all there is to it, so one serves every container.
        """
        common = f"{self._images}-cgroup"
        names = [place.removeprefix(f"{directory}/") for place in places]
        self.steps += [{"kind": "dir", "target": f"{common}/{name}"} for name in names]
        place = {"target": f"{self.root}{directory}", "owner": self._owner}
        self.steps.append({"kind": "bind", "source": common, **place})

    def add_binds(
        self,
        wanted: Sequence[Wanted],
        *,
        volumes: Sequence[str],
        covered: Sequence[str],
        hidden: Sequence[str],
    ) -> list[Bind]:
        """Put what is wanted into the root; return what is left to bubblewrap.

        That is what lies in ``volumes``: their content is the container's, and links in it could
        lead the supervisor astray. And what lies in places that are ``covered`` or ``hidden``
        later. Those go beside the root, and bubblewrap, which is confined, puts them where they
        belong.
        """
        outer = ["/proc", "/dev", *volumes, *covered, *hidden]
        binds = []
        for number, item in enumerate(sorted(wanted, key=lambda w: w.target.count("/"))):
            if item.target in covered or any(below(item.target, place) for place in outer):
                target = f"{self.root}-mount{number}"
                binds.append(Bind(target, item.target, item.read_only))
            else:
                target = f"{self.root}{item.target}"
            step: dict[str, Any] = {
                "kind": "bind",
                "source": item.source,
                "target": target,
                "read_only": item.read_only,
                "owner": self._owner,
            }
            if item.mapped:
                step |= {"idmap": [list(e) for e in self._mapping], "idmap_optional": True}
            self.steps.append(step)
        return binds
