"""What the reference must not leave out."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields as fields_of

from docchecks.blocks import served
from docchecks.pages import ROOT
from wakeful.apis.autoscaling.annotations import ALL_KEYS
from wakeful.apis.serving.config.features import FeaturesConfig, config_key


def check_complete() -> Iterator[str]:
    """What the reference must not leave out."""
    annotations = (ROOT / "docs/reference/annotations.md").read_text()
    for key in ALL_KEYS:
        for spelling in key.spellings:
            if spelling.rpartition("/")[2] not in annotations:
                yield f"docs/reference/annotations.md does not tell of {spelling}"
    configuration = (ROOT / "docs/reference/configuration.md").read_text()
    for feature in fields_of(FeaturesConfig):
        if config_key(feature.name) not in configuration:
            yield f"docs/reference/configuration.md does not tell of {config_key(feature.name)}"
    architecture = (ROOT / "docs/explanation/architecture.md").read_text()
    for row in _layers():
        if not re.search(rf"^{re.escape(row)} ", architecture, re.MULTILINE):
            yield f"docs/explanation/architecture.md does not show the layer {row}"
    kinds = (ROOT / "docs/reference/api.md").read_text()
    for version, kind, _ in served():
        if f"`{version}`" not in kinds or not re.search(rf"\b{kind}\b", kinds):
            yield f"docs/reference/api.md does not tell of {kind} in {version}"


def _layers() -> list[str]:
    """The rows of the import contract."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    return [row for contract in contracts for row in contract.get("layers", ())]
