"""What the hook tells while it waits. Pure; anything else that is read is nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Loaded:
    """Everything is imported; it waits."""

    modules: int
    milliseconds: int
    resident_kib: int


@dataclass(frozen=True, slots=True)
class Left:
    """It begins again without these modules."""

    why: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unfit:
    """It has given up, and runs the program."""

    why: str


Message = Loaded | Left | Unfit
_LONGEST = 300


def parse_message(line: bytes) -> Message | None:
    """Read one line."""
    kind, _, text = line.decode("utf-8", "replace").partition(" ")
    match kind:
        case "loaded":
            try:
                modules, milliseconds, resident = (int(word) for word in text.split(" "))
            except ValueError:
                return None
            return Loaded(modules, milliseconds, resident)
        case "left":
            why, _, names = text.partition("\t")
            return Left(why[:_LONGEST], tuple(names.split()))
        case "unfit":
            return Unfit(text[:_LONGEST])
        case _:
            return None
