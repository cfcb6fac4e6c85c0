"""What keeps a revision's instances from being ready, collected from where it is said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from wakeful.apimachinery.errors import NotFoundError
from wakeful.cli.session import Session

Wire = Mapping[str, Any]

_FATAL = ("Liveness probe failed", "Startup probe failed")
"""Complaints that end a program, which then says nothing of a reason itself."""
_ON_ITS_WAY = {"ContainerCreating", "PodInitializing"}
_LOST = "ContainerStatusUnknown"
"""How a program ended that the platform or the machine took along."""
_PULLING = "Pulling"
_TOO_LATE = "ProgressDeadlineExceeded"
_MOST_PODS = 3
"""Instances of a revision are alike: what ails three ails the others."""


@dataclass(frozen=True, slots=True)
class Findings:
    """Sentences about a revision's instances, else about itself."""

    troubles: list[str]
    """What is wrong; empty when nothing is."""
    stages: list[str]
    """How far those are that are not ready and have nothing wrong with them."""


async def read_findings(session: Session, namespace: str, revision: str) -> Findings:
    """Read what there is to say about a revision's instances as of now."""
    try:
        found = await session.read(await session.resolve("revision"), namespace, revision)
    except NotFoundError:
        return Findings([], [])
    selector = {"labelSelector": f"serving.knative.dev/revision={revision}"}
    pods_resource, events_resource = await session.resolve("pods"), await session.resolve("events")
    listed = await session.read(pods_resource, namespace, params=selector)
    pods = [pod for pod in listed.get("items") or () if _counts(pod)][:_MOST_PODS]
    if not pods and (own := troubles_of_revision(found)):
        chosen = {"fieldSelector": "type=Warning"}
        events = (await session.read(events_resource, namespace, params=chosen)).get("items") or ()
        return Findings([*own, *last_words(revision, events)], [])
    complaints: dict[str, str] = {}
    pulls: dict[str, str] = {}
    for pod in pods:
        uid = pod["metadata"]["uid"]
        chosen = {"fieldSelector": f"involvedObject.uid={uid}"}
        events = (await session.read(events_resource, namespace, params=chosen)).get("items") or ()
        complaints[uid] = latest_message(e for e in events if e.get("reason") == "Unhealthy")
        pulls[uid] = pull_under_way(events)
    return Findings(
        troubles_of(found, pods, complaints),
        stages_of_pods(pods, complaints, pulls, datetime.now(UTC)),
    )


def stages_of_pods(
    pods: Iterable[Wire], complaints: Mapping[str, str], pulls: Mapping[str, str], now: datetime
) -> list[str]:
    """How far instances are; ``pulls`` has what is being pulled for each by UID, since when."""
    found: dict[str, str] = {}
    for pod in pods:
        meta, status = pod["metadata"], pod.get("status") or {}
        uid = meta["uid"]
        wanted = {c["name"]: c for c in (pod.get("spec") or {}).get("containers") or ()}
        for container in status.get("containerStatuses") or ():
            if container.get("ready") or _trouble_of_container(container, complaints.get(uid, "")):
                continue
            spec = wanted.get(container.get("name"), {})
            if text := _stage(container, spec, pulls.get(uid, ""), now):
                found.setdefault(text, meta["name"])
    return [f"{name}: {text}" for text, name in found.items()]


def _stage(container: Wire, spec: Wire, pull: str, now: datetime) -> str:
    state = container.get("state") or {}
    if begun := (state.get("running") or {}).get("startedAt"):
        seconds = max(0, round((now - datetime.fromisoformat(begun)).total_seconds()))
        return f"{_not_ready_words(spec)} yet, {seconds} s after its program was started"
    return pull or "being made: its program was not started yet"


def _not_ready_words(spec: Wire) -> str:
    """What its readiness waits for; the probes are as the node agent asks them."""
    probe = spec.get("startupProbe") or spec.get("readinessProbe") or {}
    if get := probe.get("httpGet"):
        return f"GET {get.get('path') or '/'} at port {get.get('port')} does not succeed"
    if tcp := probe.get("tcpSocket"):
        return f"does not listen on port {tcp.get('port')}"
    return "its probe does not succeed"


def pull_under_way(events: Iterable[Wire]) -> str:
    """What is being pulled, if what was told last about that is its beginning."""
    told = [e for e in events if e.get("reason") in (_PULLING, "Pulled", "Failed", "Started")]
    newest = max(told, key=_time, default=None)
    if newest is None or newest.get("reason") != _PULLING:
        return ""
    image = str(newest.get("message") or "").removeprefix("Pulling image ").strip('"')
    return f"image {image} is being pulled"


def _time(event: Wire) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")


def troubles_of(revision: Wire, pods: Iterable[Wire], complaints: Mapping[str, str]) -> list[str]:
    """What is wrong with the instances, and whether the revision was given up for it.

    A revision that failed for what an instance says would only say it again.
    """
    own, theirs = troubles_of_revision(revision), troubles_of_pods(pods, complaints)
    if theirs and not any(text.startswith(_TOO_LATE) for text in own):
        return theirs
    return [*own, *theirs]


def troubles_of_revision(revision: Wire) -> list[str]:
    """What its status says is wrong."""
    for condition in (revision.get("status") or {}).get("conditions") or ():
        if condition["type"] == "Ready" and condition["status"] == "False":
            return [_sentence(condition.get("reason"), condition.get("message"))]
    return []


def troubles_of_pods(pods: Iterable[Wire], complaints: Mapping[str, str]) -> list[str]:
    """What is wrong with instances; ``complaints`` has the last failed probe of each by UID."""
    found: dict[str, str] = {}
    for pod in pods:
        meta, status = pod["metadata"], pod.get("status") or {}
        containers = status.get("containerStatuses") or ()
        for container in containers:
            text = _trouble_of_container(container, complaints.get(meta["uid"], ""))
            if text:
                found.setdefault(text, meta["name"])
    return [f"{name}: {text}" for text, name in found.items()]


def last_words(revision: str, events: Iterable[Wire]) -> list[str]:
    """What was said last of a failed revision's instances, which are gone, or of making them."""
    prefix = f"{revision}-deployment-"
    told = [e for e in events if e["involvedObject"]["name"].startswith(prefix)]
    newest = max(told, key=_time, default=None)
    if newest is None:
        return []
    return [f"before that, {newest['involvedObject']['name']}: {newest.get('message') or ''}"]


def latest_message(events: Iterable[Wire]) -> str:
    """What was said last."""
    newest = max(events, key=_time, default=None)
    return str(newest.get("message") or "") if newest else ""


def _counts(pod: Wire) -> bool:
    return not pod["metadata"].get("deletionTimestamp")


def _trouble_of_container(container: Wire, complaint: str) -> str:
    state = container.get("state") or {}
    ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated")
    if ended and ended.get("reason") == _LOST:
        ended = None
    waiting = state.get("waiting") or {}
    if ended and not container.get("ready"):
        return _ending(container, ended, complaint)
    if waiting.get("reason") and waiting["reason"] not in _ON_ITS_WAY:
        return _sentence(waiting["reason"], waiting.get("message"))
    if ended:  # ready again, and yet worth to be known
        return _ending(container, ended, complaint)
    return "" if container.get("ready") else complaint


def _ending(container: Wire, ended: Wire, complaint: str) -> str:
    count = container.get("restartCount") or 0
    again = f", started again {count} time{'' if count == 1 else 's'}" if count else ""
    words = str(ended.get("message") or "").strip()
    text = f"ended with {ended.get('reason') or 'Error'} (exit code {ended.get('exitCode')}){again}"
    if complaint.startswith(_FATAL):
        text += f"; {complaint}"
    return f"{text}: {words}" if words else text


def _sentence(reason: Any, message: Any) -> str:
    return ": ".join(str(part) for part in (reason, message) if part)
