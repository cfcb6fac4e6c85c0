"""``$(steps.NAME.results.RESULT)`` and ``$(steps.NAME.outputs.ARTIFACT)``: known at run time only.

They may stand in a step's command, args, environment and ``when``, and name earlier steps.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from wakeful.apimachinery.errors import WakefulError

_RESULT = re.compile(r"\$\(steps\.(?P<step>[^.()]+)\.results\.(?P<rest>[^()]+?)\)")
_ARTIFACT = re.compile(
    r"\$\(steps\.(?P<step>[^.()]+)\.(?P<side>inputs|outputs)\.(?P<name>[^.()]+)\)"
)
_INDEXED = re.compile(r"(?P<name>[^\[\]]+)\[(?P<index>[0-9]+|\*)\]")


class StepResultError(WakefulError):
    """A reference to a step's result that cannot be followed."""


class StepResults:
    """Reads what earlier steps left: ``read(step, path)``, None when there is no such file.

    ``path`` is relative to the step's own directory, such as ``results/digest``.
    """

    def __init__(self, read: Callable[[str, str], str | None]) -> None:
        self._read = read

    def look_up(self, step: str, rest: str) -> str | list[str]:
        """Return the value of ``steps.STEP.results.REST``; a list for ``[*]``.

        Raises:
            StepResultError: There is none, or not one of this type.
        """
        name, _, key = rest.partition(".")
        indexed = _INDEXED.fullmatch(name)
        if indexed is not None:
            name = indexed.group("name")
        text = self._read(step, f"results/{name}")
        if text is None:
            raise StepResultError(f"step {step!r} has left no result {name!r}")
        if key:
            value = _loaded(text)
            if not isinstance(value, dict) or key not in value:
                raise StepResultError(f"result {name!r} of step {step!r} has no key {key!r}")
            return str(value[key])
        if indexed is None:
            loaded = _loaded(text)
            return loaded if isinstance(loaded, str) and text.startswith('"') else text
        items = _loaded(text)
        if not isinstance(items, list):
            raise StepResultError(f"result {name!r} of step {step!r} is no array")
        words = [str(item) for item in items]
        if indexed.group("index") == "*":
            return words
        index = int(indexed.group("index"))
        if index >= len(words):
            raise StepResultError(
                f"result {name!r} of step {step!r} has no item {index}: it has {len(words)}"
            )
        return words[index]

    def artifact(self, step: str, side: str, name: str) -> str:
        """Return the values of an artifact as JSON.

        Raises:
            StepResultError: There is none.
        """
        text = self._read(step, "artifacts/provenance.json")
        found = _loaded(text) if text is not None else None
        for one in found.get(side, ()) if isinstance(found, dict) else ():
            if isinstance(one, dict) and one.get("name") == name:
                return orjson.dumps(_in_order(one.get("values"))).decode()
        raise StepResultError(f"values for template $(steps.{step}.{side}.{name}) not found")


def _in_order(values: Any) -> Any:
    """Values of an artifact with their keys in the order that everybody gets them in."""
    if not isinstance(values, list) or not all(isinstance(v, dict) for v in values):
        return values
    found = []
    for value in values:
        digest = value.get("digest")
        known: dict[str, Any] = {}
        if isinstance(digest, dict) and digest:
            known["digest"] = dict(sorted(digest.items()))
        if value.get("uri"):
            known["uri"] = value["uri"]
        found.append(known)
    return found


def _loaded(text: str) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:
        return text


def refers_to_steps(text: str) -> bool:
    """Whether there is anything to substitute in ``text``."""
    return "$(steps." in text


def substitute(text: str, results: StepResults) -> str:
    """Replace every reference in ``text`` by its value.

    Raises:
        StepResultError: One that cannot be followed, or an array inside of text.
    """
    if not refers_to_steps(text):
        return text

    def value(found: re.Match[str]) -> str:
        one = results.look_up(found["step"], found["rest"])
        if isinstance(one, list):
            raise StepResultError(
                'value must be in "$(steps.<step-name>.results.<result-name>[*])" format,'
                " when using array results"
            )
        return one

    def artifact(found: re.Match[str]) -> str:
        return results.artifact(found["step"], found["side"], found["name"])

    return _ARTIFACT.sub(artifact, _RESULT.sub(value, text))


def substitute_artifacts(text: str, results: StepResults) -> str:
    """Replace references to artifacts alone: the only ones that scripts may hold.

    Raises:
        StepResultError: One that cannot be followed.
    """
    return _ARTIFACT.sub(lambda f: results.artifact(f["step"], f["side"], f["name"]), text)


def substitute_words(words: Sequence[str], results: StepResults) -> list[str]:
    """Replace references in a command line; a word that is a whole array becomes its items.

    Raises:
        StepResultError: A reference that cannot be followed.
    """
    replaced: list[str] = []
    for word in words:
        whole = _RESULT.fullmatch(word)
        found = results.look_up(whole["step"], whole["rest"]) if whole is not None else None
        if isinstance(found, list):
            replaced += found
        else:
            replaced.append(substitute(word, results))
    return replaced
