"""One entry of a routing table."""

from __future__ import annotations

from wakeful.apimachinery.meta import APIModel


class TrafficTarget(APIModel):
    """A share of the traffic, and optionally a URL of its own (``tag``)."""

    tag: str = ""
    revision_name: str = ""
    configuration_name: str = ""
    """The latest ready Revision of that Configuration; never set in a status."""
    latest_revision: bool | None = None
    percent: int | None = None
    url: str = ""
    """Where the tag is reached; only in a status."""
