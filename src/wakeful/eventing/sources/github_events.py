"""GitHub's webhooks as events: subjects and extensions as upstream chose them. Pure."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha1, sha256
from typing import Any

from wakeful.apis.sources import register
from wakeful.apis.sources.githubsource_types import GITHUB_EVENTS
from wakeful.cloudevents import Event, event_time
from wakeful.cloudevents.event import AttributeValue

KNOWN_EVENTS = frozenset(GITHUB_EVENTS) | {
    "check_run",
    "installation_repositories",
    "integration_installation_repositories",
    "repository_vulnerability_alert",
    "security_advisory",
}
_JSON = "application/json"
_CONTROL = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)))


class WebhookError(Exception):
    """A request that is none of GitHub's; ``status`` is what to answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Delivery:
    """A request of GitHub's that was checked."""

    event: str
    delivery_id: str
    body: bytes
    payload: Mapping[str, Any]


def read_delivery(method: str, headers: Mapping[str, str], body: bytes, secret: bytes) -> Delivery:
    """Check a request, in upstream's order; names of headers are in lower case.

    Raises:
        WebhookError: It is refused.
    """
    if method != "POST":
        raise WebhookError(400, "invalid HTTP Method")
    event = headers.get("x-github-event", "")
    if not event:
        raise WebhookError(400, "missing X-GitHub-Event Header")
    if event not in KNOWN_EVENTS:
        raise WebhookError(404, f"event {event!r} is not known")
    if not body:
        raise WebhookError(400, "error parsing payload")
    if secret:
        _check_signature(headers, body, secret)
    payload = _parse(body)
    delivery_id = headers.get("x-github-delivery", "")
    if not delivery_id:
        raise WebhookError(400, '"X-GitHub-Delivery" header is not set')
    if not delivery_id.isprintable():
        raise WebhookError(400, '"X-GitHub-Delivery" header is no text')
    return Delivery(event, delivery_id, body, payload)


def _check_signature(headers: Mapping[str, str], body: bytes, secret: bytes) -> None:
    """Every signature that is there must be right, and one must be."""
    given = 0
    for header, prefix, digest in (
        ("x-hub-signature-256", "sha256=", sha256),
        ("x-hub-signature", "sha1=", sha1),
    ):
        text = headers.get(header)
        if text is None:
            continue
        given += 1
        expected = prefix + hmac.new(secret, body, digest).hexdigest()
        if not hmac.compare_digest(expected.encode(), text.encode("utf-8", "replace")):
            raise WebhookError(400, "HMAC verification failed")
    if not given:
        raise WebhookError(400, "missing X-Hub-Signature Header")


def _parse(body: bytes) -> Mapping[str, Any]:
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError) as err:
        raise WebhookError(400, f"error parsing payload: {err}") from err
    if not isinstance(payload, dict):
        raise WebhookError(400, "error parsing payload: it is no object")
    return payload


def make_github_event(
    delivery: Delivery, source: str, now: datetime, *, is_legacy: bool = False
) -> Event:
    """The event of a delivery; its data is the payload, byte for byte.

    Releases of 2019 had two extensions that named event and delivery, and no others.
    """
    extensions: dict[str, AttributeValue]
    if is_legacy:
        extensions = {"githubevent": delivery.event, "githubdelivery": delivery.delivery_id}
    else:
        extensions = _extensions(delivery.event, delivery.payload)
    return Event(
        id=delivery.delivery_id,
        source=source,
        type=f"{register.GITHUB_TYPE}.{delivery.event}",
        specversion="0.3" if is_legacy else "1.0",
        subject=subject_of(delivery.event, delivery.payload) or None,
        time=event_time(now),
        datacontenttype=_JSON,
        extensions=extensions,
        data=delivery.body,
    )


def dig(payload: Any, path: str) -> Any:
    """The value at a dotted path; None when it is not there."""
    for name in path.split("."):
        if not isinstance(payload, Mapping):
            return None
        payload = payload.get(name)
    return payload


def _text(value: Any) -> str:
    """A value as an attribute holds it: on one line, without what attributes may not contain."""
    if value is None or isinstance(value, (dict, list)):
        return ""
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    return text.translate(_CONTROL).encode("utf-8", "ignore").decode().strip()


def _last_part(value: Any) -> str:
    return _text(value).rpartition("/")[2]


def _at(path: str) -> Callable[[Any], str]:
    return lambda payload: _text(dig(payload, path))


def _last_part_at(path: str) -> Callable[[Any], str]:
    return lambda payload: _last_part(dig(payload, path))


def _pages(payload: Any) -> str:
    pages = dig(payload, "pages")
    found = pages if isinstance(pages, list) else []
    return ",".join(_text(dig(page, "page_name")) for page in found)


_SUBJECTS: Mapping[str, Callable[[Any], str]] = {
    "check_run": _at("check_run.id"),
    "check_suite": _at("check_suite.id"),
    "commit_comment": _last_part_at("comment.html_url"),
    "create": _at("ref_type"),
    "delete": _at("ref_type"),
    "deployment": _at("deployment.id"),
    "deployment_status": _at("deployment.id"),
    "fork": _at("forkee.id"),
    "gollum": _pages,
    "installation": _at("installation.id"),
    "installation_repositories": _at("installation.id"),
    "integration_installation": _at("installation.id"),
    "integration_installation_repositories": _at("installation.id"),
    "issue_comment": _last_part_at("comment.html_url"),
    "issues": _at("issue.number"),
    "label": _at("label.name"),
    "member": _at("member.id"),
    "membership": _at("member.id"),
    "milestone": _at("milestone.number"),
    "organization": _at("action"),
    "org_block": _at("action"),
    "page_build": _at("id"),
    "ping": _at("hook_id"),
    "project": _at("action"),
    "project_card": _at("action"),
    "project_column": _at("action"),
    "public": _at("repository.id"),
    "pull_request": _at("pull_request.number"),
    "pull_request_review": _at("review.id"),
    "pull_request_review_comment": _at("comment.id"),
    "push": _last_part_at("compare"),
    "release": _at("release.tag_name"),
    "repository": _at("repository.id"),
    "repository_vulnerability_alert": _at("alert.id"),
    "security_advisory": _at("security_advisory.ghsa_id"),
    "status": _at("sha"),
    "team": _at("team.id"),
    "team_add": _at("repository.id"),
    "watch": _at("repository.id"),
}


def subject_of(event: str, payload: Mapping[str, Any]) -> str:
    """What the event is about; empty when the payload does not tell."""
    find = _SUBJECTS.get(event)
    return find(payload) if find is not None else ""


_COMMON = {
    "owner": "repository.owner.login",
    "repository": "repository.name",
    "sender": "sender.login",
    "action": "action",
}
_OF_ORGANIZATION = {
    "owner": "organization.login",
    "sender": "sender.login",
    "action": "action",
}
_OF_APP = {"installation": "installation.id", "sender": "sender.login", "action": "action"}
_REF = {"ref": "ref"}
_INSTALLATION = {"installation": "installation.id"}
_EXTENSIONS: Mapping[str, Mapping[str, str]] = {
    "create": _COMMON | _REF,
    "delete": _COMMON | _REF,
    "installation": _OF_APP,
    "installation_repositories": _OF_APP,
    "integration_installation": _OF_APP,
    "integration_installation_repositories": _OF_APP,
    "issues": _COMMON | {"label": "label.name", "assignee": "assignee.login"},
    "label": _COMMON | {"label": "label.name"},
    "membership": _OF_ORGANIZATION | {"scope": "scope"},
    "organization": _OF_ORGANIZATION,
    "org_block": _OF_ORGANIZATION,
    "pull_request": _COMMON
    | _INSTALLATION
    | {"number": "number", "label": "label.name", "assignee": "assignee.login"},
    "pull_request_review": _COMMON | _INSTALLATION | {"review": "review.state"},
    "pull_request_review_comment": _COMMON | _INSTALLATION,
    "push": _COMMON
    | _INSTALLATION
    | _REF
    | {
        "pusher": "pusher.name",
        "created": "created",
        "deleted": "deleted",
        "forced": "forced",
    },
    "release": _COMMON | _INSTALLATION | {"release": "release.name"},
    "repository_vulnerability_alert": {"action": "action"},
    "security_advisory": {"action": "action"},
    "status": _COMMON | {"state": "state", "name": "name", "context": "context"},
    "team": {"sender": "sender.login", "action": "action"},
}


def _extensions(event: str, payload: Mapping[str, Any]) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue] = {}
    for name, path in _EXTENSIONS.get(event, _COMMON).items():
        value = dig(payload, path)
        if isinstance(value, bool) or (isinstance(value, int) and abs(value) < 2**31):
            found[name] = value
        elif text := _text(value):
            found[name] = text
    return found
