"""Manifests from files, directories and standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from wakeful.apimachinery.errors import WakefulError

_SUFFIXES = (".yaml", ".yml", ".json")


class ManifestError(WakefulError):
    """A manifest cannot be read; the message names the file and the document."""


def read_manifests(names: Sequence[str]) -> list[dict[str, Any]]:
    """Return every object of the files named, ``List`` objects taken apart.

    Raises:
        ManifestError: A file is missing, is not YAML, or holds something that is no object.
    """
    objects: list[dict[str, Any]] = []
    for name in names:
        for path, text in _texts(name):
            objects += _parse(text, path)
    return objects


def _texts(name: str) -> Iterator[tuple[str, str]]:
    if name == "-":
        yield "standard input", sys.stdin.read()
        return
    path = Path(name)
    if path.is_dir():
        for file in sorted(p for p in path.iterdir() if p.suffix in _SUFFIXES):
            yield str(file), file.read_text()
        return
    try:
        yield name, path.read_text()
    except OSError as err:
        raise ManifestError(f"{name}: {err.strerror}") from err


def _parse(text: str, path: str) -> Iterator[dict[str, Any]]:
    try:
        documents = list(yaml.safe_load_all(text))
    except yaml.YAMLError as err:
        raise ManifestError(f"{path}: {err}") from err
    for number, document in enumerate(documents, 1):
        if document is None:
            continue
        if not isinstance(document, dict) or "kind" not in document:
            raise ManifestError(f"{path}: document {number} is no object: it has no kind")
        if document["kind"] == "List":
            yield from document.get("items") or ()
        else:
            yield document
