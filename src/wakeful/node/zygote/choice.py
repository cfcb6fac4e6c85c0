"""How a run of a container begins, given what is known. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from wakeful.node.zygote.recording import Recipe

NOT_SANDBOXED = "instances of this runtime have no channel to wait on"


class Mode(StrEnum):
    """What the hook does in a run."""

    PLAIN = "Plain"
    """There is no hook."""
    RECORD = "Record"
    """It notes what is imported; the program begins at once."""
    PARK = "Park"
    """It imports ahead and waits."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A mode; ``unfit`` says why there can be no zygote, when there can be none."""

    mode: Mode
    unfit: str = ""


def choose(*, parked: bool, recipe: Recipe | None, sandboxed: bool) -> Choice:
    """Decide for a container whose revision asks for a zygote.

    What is not known to start well is not parked: the first run, which is to come up anyway, is
    recorded. Once there is a recipe, runs that are not parked have nothing to do with all this.
    """
    if not sandboxed:
        return Choice(Mode.PLAIN, NOT_SANDBOXED)
    if recipe is None:
        return Choice(Mode.RECORD)
    if recipe.unfit:
        return Choice(Mode.PLAIN, recipe.unfit)
    return Choice(Mode.PARK if parked else Mode.PLAIN)
