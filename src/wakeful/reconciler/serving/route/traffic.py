"""From what a Route asks for to Revisions that can be routed to. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from wakeful.apimachinery.conditions import READY
from wakeful.apis.serving import Configuration, Revision, Route, TrafficTarget, register
from wakeful.apis.serving.route_lifecycle import RouteReason, RouteStatus

DEFAULT_TARGET = ""
"""The target of the Route's own host; tags have one each besides."""


@dataclass(frozen=True, slots=True)
class RevisionTarget:
    """A share of the traffic, resolved to a Revision."""

    revision: str
    percent: int
    tag: str = ""
    configuration: str = ""
    latest: bool = False
    """It follows the Configuration's newest ready Revision."""
    protocol: str = "http1"


@dataclass(frozen=True, slots=True)
class BadTarget:
    """A target that cannot be routed to; ``failed`` when waiting will not help."""

    reason: str
    message: str
    failed: bool

    def mark(self, status: RouteStatus) -> None:
        """Report it."""
        status.mark_bad_target(self.reason, self.message, failed=self.failed)


@dataclass(frozen=True, slots=True)
class Traffic:
    """A routing table; ``bad`` is set when it must not be used."""

    hosts: dict[str, tuple[RevisionTarget, ...]] = field(default_factory=dict)
    """Shares by tag, the Route's own host under the empty one; each sums to 100."""
    entries: tuple[RevisionTarget, ...] = ()
    """What the status shows: the spec's targets, equal ones merged."""
    bad: BadTarget | None = None


def resolve_traffic(
    route: Route,
    revision: Callable[[str], Revision | None],
    configuration: Callable[[str], Configuration | None],
) -> Traffic:
    """Resolve every target; a failed one is reported rather than one that is not yet ready."""
    targets: list[RevisionTarget] = []
    bad: BadTarget | None = None
    service = route.metadata.labels.get(register.SERVICE, "")
    for wanted in route.spec.traffic:
        if wanted.revision_name:
            found = _by_revision(wanted, revision, configuration, service)
        else:
            found = _by_configuration(wanted, revision, configuration)
        if isinstance(found, RevisionTarget):
            targets.append(found)
        elif bad is None or found.failed:
            bad = found
    if bad is not None:
        return Traffic(bad=bad)
    return Traffic(_by_host(targets), _merge(targets))


def _by_configuration(
    wanted: TrafficTarget,
    revision: Callable[[str], Revision | None],
    configuration: Callable[[str], Configuration | None],
) -> RevisionTarget | BadTarget:
    name = wanted.configuration_name
    source = configuration(name)
    if source is None:
        return _missing("Configuration", name)
    latest = source.status.latest_ready_revision_name
    if not latest:
        ready = source.status.condition(READY)
        if ready is not None and ready.is_false:
            message = f'Configuration "{name}" does not have any ready Revision.'
            return BadTarget(RouteReason.REVISION_MISSING, message, failed=True)
        message = f'Configuration "{name}" is waiting for a Revision to become ready.'
        return BadTarget(RouteReason.REVISION_MISSING, message, failed=False)
    found = revision(latest)
    if found is None:
        return _missing("Revision", latest)
    return _target(wanted, found, name)


def _by_revision(
    wanted: TrafficTarget,
    revision: Callable[[str], Revision | None],
    configuration: Callable[[str], Configuration | None],
    service: str,
) -> RevisionTarget | BadTarget:
    name = wanted.revision_name
    found = revision(name)
    if found is None:
        return _missing("Revision", name)
    owner = found.metadata.labels.get(register.SERVICE, "")
    if service and owner != service:
        message = f'Revision "{name}" does not belong to Service "{service}".'
        if owner:
            message = f'Revision "{name}" belongs to Service "{owner}", not Service "{service}".'
        return BadTarget(RouteReason.REVISION_NOT_OWNED, message, failed=True)
    source = found.metadata.labels.get(register.CONFIGURATION, "")
    if source and configuration(source) is None and found.is_ready:
        return _missing("Configuration", source)
    return _target(wanted, found, source)


def _target(
    wanted: TrafficTarget, revision: Revision, configuration: str
) -> RevisionTarget | BadTarget:
    name = revision.metadata.name
    if not revision.is_ready:
        ready = revision.status.condition(READY)
        if ready is not None and ready.is_false:
            message = f'Revision "{name}" failed to become ready.'
            return BadTarget(RouteReason.REVISION_MISSING, message, failed=True)
        message = f'Revision "{name}" is not yet ready.'
        return BadTarget(RouteReason.REVISION_MISSING, message, failed=False)
    return RevisionTarget(
        name,
        wanted.percent or 0,
        wanted.tag,
        configuration,
        bool(wanted.latest_revision),
        revision.spec.protocol,
    )


def _missing(kind: str, name: str) -> BadTarget:
    message = f'{kind} "{name}" referenced in traffic not found.'
    return BadTarget(f"{kind}Missing", message, failed=True)


def _merge(targets: list[RevisionTarget]) -> tuple[RevisionTarget, ...]:
    """Add up targets that differ in nothing but their share."""
    merged: dict[tuple[str, str, bool], RevisionTarget] = {}
    for target in targets:
        key = (target.tag, target.revision, target.latest)
        before = merged.get(key)
        percent = target.percent + (before.percent if before else 0)
        merged[key] = replace(before or target, percent=percent)
    return tuple(merged.values())


def _by_host(targets: list[RevisionTarget]) -> dict[str, tuple[RevisionTarget, ...]]:
    hosts: dict[str, list[RevisionTarget]] = {DEFAULT_TARGET: list(targets)}
    for target in targets:
        if target.tag:
            hosts.setdefault(target.tag, []).append(target)
    return {tag: _consolidate(found) for tag, found in hosts.items()}


def _consolidate(targets: list[RevisionTarget]) -> tuple[RevisionTarget, ...]:
    """One share for each Revision; a single one gets everything, whatever its share says."""
    by_revision: dict[str, RevisionTarget] = {}
    for target in targets:
        before = by_revision.get(target.revision)
        percent = target.percent + (before.percent if before else 0)
        by_revision[target.revision] = replace(before or target, percent=percent)
    found = tuple(by_revision.values())
    return (replace(found[0], percent=100),) if len(found) == 1 else found
