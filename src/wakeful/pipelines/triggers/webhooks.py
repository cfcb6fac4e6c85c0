"""Interceptors for the webhooks of code hosts: signatures, tokens and kinds of events."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from wakeful.pipelines.triggers.events import Event, Verdict

_PASSED = Verdict(True)
_SLACK_SECONDS = 300


def github(params: Mapping[str, Any], event: Event, secret: str | None) -> Verdict:
    """Check ``X-Hub-Signature-256`` (or the old ``X-Hub-Signature``) and ``X-GitHub-Event``."""
    if secret is not None:
        given = event.header("X-Hub-Signature-256") or event.header("X-Hub-Signature")
        if not given:
            return Verdict(False, "Must set X-Hub-Signature-256 or X-Hub-Signature header")
        if not _is_signed(given, event.raw, secret):
            return Verdict(False, "payload signature check failed")
    return _check_type(params, event, "X-GitHub-Event")


def gitlab(params: Mapping[str, Any], event: Event, secret: str | None) -> Verdict:
    """Check ``X-Gitlab-Token`` and ``X-Gitlab-Event``."""
    if secret is not None:
        given = event.header("X-Gitlab-Token")
        if not given:
            return Verdict(False, "no X-GitLab-Token header set")
        if not hmac.compare_digest(given.encode(), secret.encode()):
            return Verdict(False, "Invalid X-GitLab-Token")
    return _check_type(params, event, "X-Gitlab-Event")


def bitbucket(params: Mapping[str, Any], event: Event, secret: str | None) -> Verdict:
    """Check ``X-Hub-Signature`` and ``X-Event-Key``."""
    if secret is not None:
        given = event.header("X-Hub-Signature")
        if not given:
            return Verdict(False, "no X-Hub-Signature header set")
        if not _is_signed(given, event.raw, secret):
            return Verdict(False, "payload signature check failed")
    return _check_type(params, event, "X-Event-Key")


def slack(
    params: Mapping[str, Any],
    event: Event,
    secret: str | None,
    *,
    now: Callable[[], float] = time.time,
) -> Verdict:
    """Check Slack's signature; the fields that are asked for become extensions."""
    if secret is not None:
        stamp, given = (
            event.header("X-Slack-Request-Timestamp"),
            event.header("X-Slack-Signature"),
        )
        if not stamp.isdigit() or abs(now() - int(stamp)) > _SLACK_SECONDS:
            return Verdict(False, "timestamp in header is too old, or missing")
        text = b"v0:" + stamp.encode() + b":" + event.raw
        want = "v0=" + hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(want.encode(), given.encode()):
            return Verdict(False, "payload signature check failed")
    form = parse_qs(event.raw.decode(errors="replace"))
    fields: dict[str, Any] = {}
    for name in params.get("requestedFields") or ():
        if name in form:
            fields[name] = form[name]
    return Verdict(True, extensions=fields)


def _check_type(params: Mapping[str, Any], event: Event, header: str) -> Verdict:
    wanted: Sequence[str] = params.get("eventTypes") or ()
    kind = event.header(header)
    if wanted and kind not in wanted:
        return Verdict(False, f"event type {kind} is not allowed")
    return _PASSED


def _is_signed(given: str, raw: bytes, secret: str) -> bool:
    method, _, digest = given.partition("=")
    algorithm = {"sha256": hashlib.sha256, "sha1": hashlib.sha1, "sha512": hashlib.sha512}
    if method not in algorithm:
        return False
    want = hmac.new(secret.encode(), raw, algorithm[method]).hexdigest()
    return hmac.compare_digest(want.encode(), digest.encode())
