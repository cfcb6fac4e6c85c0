"""A new Revision may get its share step by step. Pure.

The state of a rollout travels as JSON in an annotation of the Ingress, in upstream's form, so that
it survives restarts and can be read by the same tools.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from wakeful.reconciler.serving.route.traffic import RevisionTarget


@dataclass(frozen=True, slots=True)
class Share:
    """What one Revision gets, in percent of the Route's traffic."""

    revision: str
    percent: int


@dataclass(frozen=True, slots=True)
class ConfigurationRollout:
    """The Revisions of one Configuration under one tag, oldest first; one when at rest."""

    configuration: str
    tag: str
    percent: int
    shares: tuple[Share, ...]
    steps: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        """Whether the newest Revision has everything."""
        return len(self.shares) < 2

    def to_wire(self) -> dict[str, Any]:
        """Return upstream's form."""
        wire: dict[str, Any] = {"configurationName": self.configuration}
        if self.tag:
            wire["tag"] = self.tag
        wire["percent"] = self.percent
        wire["revisions"] = [
            {"revisionName": share.revision, "percent": share.percent} for share in self.shares
        ]
        return wire | {"stepParams": dict(self.steps)}


@dataclass(frozen=True, slots=True)
class Rollout:
    """Every target that follows a latest Revision."""

    configurations: tuple[ConfigurationRollout, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether nothing moves."""
        return all(configuration.is_done for configuration in self.configurations)

    def find(self, tag: str, configuration: str) -> ConfigurationRollout | None:
        """The rollout of one target."""
        return next(
            (
                found
                for found in self.configurations
                if (found.tag, found.configuration) == (tag, configuration)
            ),
            None,
        )

    def to_json(self) -> str:
        """Return the annotation's value."""
        if not self.configurations:
            return "{}"
        found = [configuration.to_wire() for configuration in self.configurations]
        return orjson.dumps({"configurations": found}).decode()


def goal_of(hosts: Mapping[str, tuple[RevisionTarget, ...]]) -> Rollout:
    """Where a rollout ends: every newest Revision has its whole share."""
    found = [
        ConfigurationRollout(
            target.configuration, tag, target.percent, (Share(target.revision, target.percent),)
        )
        for tag, targets in hosts.items()
        for target in targets
        if target.latest and target.percent
    ]
    return Rollout(tuple(sorted(found, key=lambda f: (f.tag, f.configuration))))
