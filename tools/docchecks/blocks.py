"""Blocks can be read, and what they speak of is served."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from typing import Any

import yaml

from docchecks.pages import Block, Page
from wakeful.apis import all_resources


def check_blocks(page: Page, kinds: set[tuple[str, str]]) -> Iterator[str]:
    """YAML, JSON and Python can be read, and kinds are served."""
    for block in page.blocks:
        try:
            if block.language == "yaml":
                for document in yaml.safe_load_all(block.text):
                    yield from _check_kind(document, kinds, block)
            elif block.language == "json":
                json.loads(block.text)
            elif block.language == "python":
                ast.parse(block.text)
        except (yaml.YAMLError, ValueError, SyntaxError) as err:
            yield f"line {block.line}: {block.language} cannot be read: {err}"


def _check_kind(document: Any, kinds: set[tuple[str, str]], block: Block) -> Iterator[str]:
    if isinstance(document, dict) and {"apiVersion", "kind"} <= document.keys():
        kind = (document["apiVersion"], document["kind"])
        if kind not in kinds:
            yield f"line {block.line}: {kind[1]} in {kind[0]} is not served"


def served() -> Iterator[tuple[str, str, str]]:
    """The apiVersion, kind and plural of everything served."""
    for resource in all_resources():
        gvk = resource.model.gvk
        for version in (gvk.version, *(served.name for served in resource.served_versions)):
            yield (f"{gvk.group}/{version}" if gvk.group else version), gvk.kind, resource.plural
