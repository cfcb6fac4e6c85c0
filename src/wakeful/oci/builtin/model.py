"""What a built-in image is, and which references it answers. Pure."""

from __future__ import annotations

import fnmatch
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.resources import files

from wakeful.oci.reference import DEFAULT_REGISTRY, Reference

BIN = "/.wakeful/bin"
"""Where programs of built-in images lie that have no place of their own."""

INTERPRETER = "@python"
"""As the target of a link: the Python that runs the programs."""

_OFFICIAL = "library/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """An executable file in a built-in image."""

    text: str
    """Its content. A Python program starts with ``#!@python``, which becomes the path of an
    interpreter that the sandbox shows; it may use nothing but the standard library."""

    @classmethod
    def packaged(cls, package: str, name: str, *, options: str = "-IS") -> Program:
        """Read the module ``name`` of ``package`` and have it run by the interpreter."""
        text = files(package).joinpath(name).read_text(encoding="utf-8")
        return cls(text=f"#!{INTERPRETER} {options}\n{text}")


class Needs(StrEnum):
    """What a built-in image is given besides its files, because it is part of the platform."""

    BUILDER = "builder"
    """The platform's own code and the socket through which images enter the local store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltinImage:
    """One built-in image and the names that it answers.

    ``patterns`` are shell patterns over the repository without its registry; tag and digest do
    not matter. One without a slash stands for an official image and its copies: ``ubuntu`` matches
    ``ubuntu``, ``library/ubuntu`` and, in any registry but Docker Hub, everything that ends in
    ``/ubuntu``.
    """

    name: str
    """Short and unique: ``kaniko``."""
    description: str
    """What stands in, for people: "the platform's own image builder"."""
    patterns: Sequence[str]
    entrypoint: Sequence[str] = ()
    cmd: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    workdir: str = ""
    user: str = "0"
    """As most images have it; root inside of a sandbox is nobody outside."""
    ports: Sequence[int] = ()
    contents: Mapping[str, Program | str | bytes] = field(default_factory=dict)
    """Absolute path → program, the target of a symbolic link, or any other file as it is. Not below
    the directories that a sandbox shows of the host, such as ``/usr`` and ``/opt``."""
    requires: Sequence[str] = ()
    """Programs that this machine must have; without them there is no stand-in."""
    bash_as_sh: bool = False
    """Whether ``/bin/sh`` is bash, for images whose shell knows more than POSIX."""
    always: bool = False
    """Whether it stands in even where the real image could be pulled, because that one would be of
    no use here."""
    even_if_refused: bool = False
    """Whether it also stands in when the registry answers that there is no such image."""
    needs: Needs | None = None

    def answers(self, reference: Reference) -> bool:
        """Whether ``reference`` names the image that this one stands in for."""
        repository = reference.repository
        hub = reference.registry == DEFAULT_REGISTRY
        for pattern in self.patterns:
            if "/" in pattern:
                if fnmatch.fnmatchcase(repository, pattern):
                    return True
                continue
            official = repository.removeprefix(_OFFICIAL) if hub else repository.split("/")[-1]
            if fnmatch.fnmatchcase(official, pattern):
                return True
        return False

    def is_possible(self) -> bool:
        """Whether this machine has what it takes."""
        return all(shutil.which(program) for program in self.requires)


@dataclass(frozen=True, slots=True)
class Catalog:
    """Built-in images; the first that answers a reference is the one."""

    images: tuple[BuiltinImage, ...] = ()

    @classmethod
    def of(cls, *groups: Iterable[BuiltinImage]) -> Catalog:
        """Put groups together, in this order."""
        return cls(tuple(image for group in groups for image in group))

    def find(self, reference: Reference) -> BuiltinImage | None:
        """Return what can stand in for ``reference`` on this machine."""
        for image in self.images:
            if image.answers(reference) and image.is_possible():
                return image
        return None
