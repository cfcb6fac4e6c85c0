"""What keeps a revision's instances from being ready, collected from where it is said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from wakeful.apimachinery.errors import NotFoundError
from wakeful.cli.session import Session

Wire = Mapping[str, Any]

_FATAL = ("Liveness probe failed", "Startup probe failed")
"""Complaints that end a program, which then says nothing of a reason itself."""
_ON_ITS_WAY = {"ContainerCreating", "PodInitializing"}
_LOST = "ContainerStatusUnknown"
"""How a program ended that the platform or the machine took along."""
_MOST_PODS = 3
"""Instances of a revision are alike: what ails three ails the others."""


async def read_troubles(session: Session, namespace: str, revision: str) -> list[str]:
    """Sentences about a revision's instances, else about itself; none when nothing is wrong."""
    try:
        found = await session.read(await session.resolve("revision"), namespace, revision)
    except NotFoundError:
        return []
    selector = {"labelSelector": f"serving.knative.dev/revision={revision}"}
    pods_resource, events_resource = await session.resolve("pods"), await session.resolve("events")
    listed = await session.read(pods_resource, namespace, params=selector)
    pods = [pod for pod in listed.get("items") or () if _counts(pod)][:_MOST_PODS]
    complaints: dict[str, str] = {}
    for pod in pods:
        uid = pod["metadata"]["uid"]
        chosen = {"fieldSelector": f"involvedObject.uid={uid},reason=Unhealthy"}
        events = await session.read(events_resource, namespace, params=chosen)
        complaints[uid] = latest_message(events.get("items") or ())
    return troubles_of_pods(pods, complaints) or troubles_of_revision(found)


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


def latest_message(events: Iterable[Wire]) -> str:
    """What was said last."""
    newest = max(events, key=lambda e: str(e.get("lastTimestamp") or ""), default=None)
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
