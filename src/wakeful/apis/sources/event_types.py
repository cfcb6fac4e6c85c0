"""What each kind of source says about its events, for those who look kinds up."""

from __future__ import annotations

import json

from wakeful.apis.sources import register
from wakeful.apis.sources.githubsource_types import GITHUB_EVENTS

_CHANGES = {
    "add": "an object appeared",
    "delete": "an object is gone",
    "update": "an object changed",
}


def describe_apiserver_events() -> dict[str, str]:
    """The annotation of ApiServerSources."""
    types = [
        (f"{register.APISERVER_TYPE}.{mode}.{change}", f"{meaning}; {content}")
        for mode, content in (("resource", "carries the object"), ("ref", "carries a reference"))
        for change, meaning in _CHANGES.items()
    ]
    return _annotation(types)


def describe_ping_events() -> dict[str, str]:
    """The annotation of PingSources."""
    return _annotation([(register.PING_TYPE, "a fixed payload on a schedule")])


def describe_cronjob_events() -> dict[str, str]:
    """The annotation of CronJobSources."""
    return _annotation([(register.CRONJOB_TYPE, "a fixed payload on a schedule")])


def describe_github_events() -> dict[str, str]:
    """The annotation of GitHubSources: one type for each event that can be asked for."""
    return _annotation(
        [(f"{register.GITHUB_TYPE}.{event}", f"GitHub's event {event}") for event in GITHUB_EVENTS]
    )


def _annotation(types: list[tuple[str, str]]) -> dict[str, str]:
    entries = [{"type": kind, "description": text} for kind, text in types]
    return {register.EVENT_TYPES_ANNOTATION: json.dumps(entries)}
