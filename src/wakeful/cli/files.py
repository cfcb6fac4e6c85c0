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
        ManifestError: A file is missing, is not YAML, or holds something that is no object, or one
            that has no name.
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
            yield str(file), _read(file)
        return
    yield name, _read(path)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as err:
        raise ManifestError(f"{path}: {err.strerror}") from err
    except UnicodeDecodeError as err:
        raise ManifestError(f"{path}: not a text file: {err}") from err


def _parse(text: str, path: str) -> Iterator[dict[str, Any]]:
    try:
        documents = list(yaml.safe_load_all(text))
    except yaml.YAMLError as err:
        raise ManifestError(f"{path}: {err}") from err
    for number, document in enumerate(documents, 1):
        if document is None:
            continue
        where = f"{path}: document {number}"
        if isinstance(document, dict) and document.get("kind") == "List":
            for index, item in enumerate(document.get("items") or ()):
                yield _checked(item, f"{where}, items[{index}]")
        else:
            yield _checked(document, where)


def _checked(data: Any, where: str) -> dict[str, Any]:
    if not isinstance(data, dict) or not data.get("kind"):
        raise ManifestError(f"{where} is no object: it has no kind")
    meta = data.get("metadata")
    if not isinstance(meta, dict) or not meta.get("name"):
        raise ManifestError(f"{where} ({data['kind']}): metadata.name is missing")
    return data
