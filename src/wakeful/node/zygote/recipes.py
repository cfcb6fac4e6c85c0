"""Keeps what is known about making zygotes, per container of a revision, also over restarts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from wakeful.apis.core.pod_types import Pod
from wakeful.apis.serving import register
from wakeful.node.zygote.recording import Recipe

log = structlog.get_logger("wakeful.node.zygote")

KEPT = 1000
"""Files; those of revisions that nobody has started for the longest time go first."""


@dataclass(frozen=True, slots=True)
class RecipeKey:
    """One container of one revision."""

    revision_uid: str
    container: str

    @classmethod
    def of(cls, pod: Pod, container: str) -> RecipeKey | None:
        """The key of a Pod's container; None when the Pod is not of a revision."""
        uid = pod.metadata.labels.get(register.REVISION_UID, "")
        plain = uid.replace("-", "").isalnum() and len(uid) < 64
        return cls(uid, container) if plain else None

    @property
    def file(self) -> str:
        """Name of its file."""
        return f"{self.revision_uid}.{self.container}.json"


class RecipeStore:
    """Recipes in memory and in a directory; what a running instance still notes comes first."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._recipes: dict[RecipeKey, Recipe] = {}
        self._live: dict[RecipeKey, Callable[[], None]] = {}

    def get(self, key: RecipeKey) -> Recipe | None:
        """What is known; None is nothing."""
        note = self._live.get(key)
        if note is not None:
            note()
        found = self._recipes.get(key)
        if found is None and (found := self._load(key)) is not None:
            self._recipes[key] = found
        return found

    def put(self, key: RecipeKey, recipe: Recipe) -> None:
        """Take down; a failure to write is told in the log only: it can be had again."""
        if self._recipes.get(key) == recipe:
            return
        self._recipes[key] = recipe
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._clean_up()
            path = self._directory / key.file
            fresh = path.with_suffix(".new")
            fresh.write_text(_dump(recipe), encoding="utf-8")
            fresh.rename(path)
        except OSError as error:
            log.warning("recipe not written", revision=key.revision_uid, error=str(error))

    def record(self, key: RecipeKey, found: Recipe) -> None:
        """Take down what a start has shown; what zygotes were found to bear or not stays."""
        before = self._recipes.get(key)
        if before is not None and before.names:
            unfit = before.unfit or found.unfit
            found = replace(found, left_out=before.left_out, unfit=unfit)
        self.put(key, found)

    def listen(self, key: RecipeKey, note: Callable[[], None]) -> None:
        """Call ``note`` before a recipe is read: it puts what has been noted meanwhile."""
        self._live[key] = note

    def unlisten(self, key: RecipeKey, note: Callable[[], None]) -> None:
        """Stop that."""
        if self._live.get(key) == note:
            del self._live[key]

    def _load(self, key: RecipeKey) -> Recipe | None:
        path = self._directory / key.file
        try:
            recipe = _parse(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("recipe unreadable, ignored", file=str(path), error=str(error))
            return None
        with suppress(OSError):
            os.utime(path)
        return recipe

    def _clean_up(self) -> None:
        files = sorted(self._directory.iterdir(), key=lambda path: path.stat().st_mtime)
        for path in files[: max(0, len(files) - KEPT)]:
            path.unlink(missing_ok=True)


def _dump(recipe: Recipe) -> str:
    return json.dumps(
        {
            "argv": recipe.argv.hex(),
            "path": list(recipe.path),
            "names": list(recipe.names),
            "left_out": sorted(recipe.left_out),
            "apart": recipe.apart,
            "unfit": recipe.unfit,
        }
    )


def _parse(text: str) -> Recipe:
    raw = json.loads(text)
    return Recipe(
        argv=bytes.fromhex(raw["argv"]),
        path=tuple(raw["path"]),
        names=tuple(raw["names"]),
        left_out=frozenset(raw["left_out"]),
        apart=raw.get("apart", ""),
        unfit=raw["unfit"],
    )
