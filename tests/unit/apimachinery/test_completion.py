"""Models are completed when they are first used, parts before what contains them."""

from __future__ import annotations

from pydantic import Field

from wakeful.apimachinery.meta import APIModel, incomplete_models


class Part(APIModel):
    size: int = 0


class Whole(APIModel):
    parts: list[Part] = Field(default_factory=list)
    named: dict[str, Part] | None = None


class Tree(APIModel):
    branches: list[Tree] = Field(default_factory=list)


class Lonely(APIModel):
    size: int = 0


def test_parts_are_completed_before_what_contains_them() -> None:
    """So that the whole takes them as they are instead of making its own."""
    assert not Whole.__pydantic_complete__

    whole = Whole.model_validate({"parts": [{"size": 1}]})

    assert whole.parts == [Part(size=1)]
    assert Part.__pydantic_complete__


def test_a_model_that_contains_itself_is_completed() -> None:
    tree = Tree.model_validate({"branches": [{"branches": []}, {}]})

    assert len(tree.branches) == 2


def test_what_nobody_has_used_can_be_completed_at_leisure() -> None:
    assert Lonely in set(incomplete_models())

    Lonely.model_rebuild()

    assert Lonely not in set(incomplete_models())
