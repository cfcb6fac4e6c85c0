"""From what the hook noted to the modules to import ahead. Pure.

What comes from inside an instance is anybody's text: it is bounded, parsed strictly, and used for
nothing but later instances of the same revision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

LIMIT_BYTES = 1 << 20
LIMIT_NAMES = 5000
_NOT_AHEAD = frozenset({"__main__", "__mp_main__", "sitecustomize", "usercustomize"})
_PATCHERS = frozenset({"gevent", "eventlet"})
"""They change the standard library, and have to do so before others import it."""
_SPAWNERS = frozenset({"multiprocessing.popen_spawn_posix", "multiprocessing.popen_forkserver"})
"""Imported when a program starts an interpreter by them, and not before."""
_EXECUTES = "the program replaces itself by another one (exec), of which nothing was seen"
_SPAWNS = "the program starts interpreters of its own (spawn), whose imports are not ahead"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to make a zygote of a revision's container."""

    argv: bytes = b""
    """The command line of the interpreter that is meant, words ended by NUL."""
    path: tuple[str, ...] = ()
    """``sys.path`` as the program had it."""
    names: tuple[str, ...] = ()
    """Modules, in the order in which the program imported them."""
    left_out: frozenset[str] = frozenset()
    """Modules that are not to be imported ahead."""
    apart: str = ""
    """What of the start is not ahead, in words; empty is nothing of note."""
    unfit: str = ""
    """Why there can be none."""

    @property
    def ahead(self) -> tuple[str, ...]:
        """What is imported ahead."""
        return tuple(name for name in self.names if name not in self.left_out)

    def without(self, names: Sequence[str]) -> Recipe:
        """Leave these out as well."""
        known = self.left_out | {name for name in names if _is_name(name)}
        return replace(self, left_out=known)

    def plan(self) -> str:
        """The text that the hook reads."""
        path = "\0".join(self.path).encode("utf-8", "surrogateescape")
        lines = [f"argv {self.argv.hex()}", f"path {path.hex()}"]
        return "\n".join([*lines, *(f"name {name}" for name in self.ahead)]) + "\n"


@dataclass(slots=True)
class _Interpreter:
    argv: bytes = b""
    path: tuple[str, ...] = ()
    names: dict[str, None] = field(default_factory=dict)
    tried: str = ""
    executes: bool = False
    spawns: bool = False

    @property
    def apart(self) -> str:
        """What will not be ahead though it is imported at the start."""
        if self.spawns or not _SPAWNERS.isdisjoint((*self.names, self.tried)):
            return _SPAWNS
        for top in (name.partition(".")[0] for name in self.names):
            if top in _PATCHERS:
                return f"nothing from {top} on is ahead: it changes the standard library"
        return ""

    @property
    def ahead(self) -> tuple[str, ...]:
        """What to import before the program begins, without running it by that."""
        chosen, own = [], _module_of(self.argv)
        for name in [*self.names, *([self.tried] if self.tried else [])]:
            if name.partition(".")[0] in _PATCHERS:
                break
            is_program = name.endswith(".__main__") or (
                name == own and f"{own}.__main__" not in self.names
            )
            if name not in _NOT_AHEAD and not is_program:
                chosen.append(name)
        return tuple(dict.fromkeys(chosen))


def _module_of(argv: bytes) -> str:
    """The module that ``python -m`` runs; empty for other command lines."""
    words = iter(argv.decode("utf-8", "replace").split("\0")[1:])
    for word in words:
        if not word.startswith("-") or word.startswith(("--", "-c")):
            break
        if word.startswith(("-X", "-W")):
            if len(word) == 2:
                next(words, "")
            continue
        options, found, module = word.partition("m")
        if found:
            return module or next(words, "")
        if "c" in options:
            break
    return ""


def parse_recording(data: bytes) -> Recipe | None:
    """Return what the interpreter with the most modules did; None when there was none.

    A container may have started several, one after the other, such as a migration before a server.
    """
    found: dict[str, _Interpreter] = {}
    for line in data[:LIMIT_BYTES].decode("utf-8", "replace").split("\n")[:-1]:
        tag, _, rest = line.partition(" ")
        kind, _, text = rest.partition(" ")
        if not tag.isdigit():
            continue
        one = found.setdefault(tag, _Interpreter())
        try:
            if kind == "argv":
                # A number that is used again belongs to another interpreter.
                found[tag] = _Interpreter(argv=bytes.fromhex(text))
            elif kind == "path":
                one.path = tuple(bytes.fromhex(text).decode("utf-8", "surrogateescape").split("\0"))
            elif kind == "name" and _is_name(text) and len(one.names) < LIMIT_NAMES:
                one.names.setdefault(text)
            elif kind == "try" and _is_name(text):
                one.tried = text
            elif kind == "exec":
                one.executes = True
            elif kind == "spawn":
                one.spawns = True
        except ValueError:
            continue
    best = max(found.values(), key=lambda one: len(one.names), default=None)
    if best is None or not best.argv:
        return None
    return Recipe(
        argv=best.argv,
        path=best.path,
        names=best.ahead,
        apart=best.apart,
        unfit=_EXECUTES if best.executes else "",
    )


def _is_name(text: str) -> bool:
    return len(text) < 256 and all(part.isidentifier() for part in text.split("."))
