"""What is taken from GitHub, and what becomes of it."""

from __future__ import annotations

import hmac
import json
from datetime import UTC, datetime
from hashlib import sha1, sha256
from typing import Any

import pytest

from wakeful.apis.sources.githubsource_types import GITHUB_EVENTS
from wakeful.cloudevents import checked
from wakeful.eventing.sources.github_events import (
    KNOWN_EVENTS,
    Delivery,
    WebhookError,
    make_github_event,
    read_delivery,
    subject_of,
)

SECRET = b"asdfasfdsaf"
SOURCE = "https://github.com/someuser/somerepo"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
REPOSITORY = {"id": 9, "name": "somerepo", "owner": {"login": "someuser"}}
COMMON = {"repository": REPOSITORY, "sender": {"login": "octocat"}}


def sign(body: bytes, digest: Any, prefix: str) -> str:
    return prefix + hmac.new(SECRET, body, digest).hexdigest()


def headers(body: bytes, **more: str | None) -> dict[str, str]:
    made = {
        "x-github-event": "pull_request",
        "x-github-delivery": "72d3162e",
        "x-hub-signature": sign(body, sha1, "sha1="),
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    return {name: value for name, value in made.items() if value is not None}


BODY = b'{"action": "opened", "number": 1}'


@pytest.mark.parametrize(
    ("more", "body", "status"),
    [
        ({"x_github_event": None}, BODY, 400),
        ({"x_github_event": "sneeze"}, BODY, 404),
        ({}, b"", 400),
        ({"x_hub_signature": None}, BODY, 400),
        ({"x_hub_signature": "sha1="}, BODY, 400),
        ({"x_hub_signature": "sha"}, BODY, 400),
        ({"x_hub_signature": "sha1=" + "0" * 40}, BODY, 400),
        ({"x_hub_signature": "\udcff"}, BODY, 400),
        ({"x_hub_signature_256": "sha256=" + "0" * 64}, BODY, 400),
        ({"x_github_delivery": None}, BODY, 400),
        ({"x_github_delivery": "\udcff"}, BODY, 400),
        ({}, b'"\xff"', 400),
        ({}, b"[]", 400),
        ({}, b"{", 400),
    ],
)
def test_what_is_not_githubs_is_refused(
    more: dict[str, str | None], body: bytes, status: int
) -> None:
    with pytest.raises(WebhookError) as caught:
        read_delivery("POST", headers(body, **more), body, SECRET)
    assert caught.value.status == status


def test_other_methods_are_refused() -> None:
    with pytest.raises(WebhookError, match="invalid HTTP Method"):
        read_delivery("GET", headers(BODY), BODY, SECRET)


def test_either_signature_will_do() -> None:
    modern = headers(BODY, x_hub_signature=None, x_hub_signature_256=sign(BODY, sha256, "sha256="))
    assert read_delivery("POST", modern, BODY, SECRET) == read_delivery(
        "POST", headers(BODY), BODY, SECRET
    )


def test_unsigned_is_fine_without_a_secret() -> None:
    unsigned = headers(BODY, x_hub_signature=None)
    assert read_delivery("POST", unsigned, BODY, b"").event == "pull_request"


def event_of(kind: str, payload: dict[str, Any], *, is_legacy: bool = False) -> Any:
    body = json.dumps(payload).encode()
    delivery = Delivery(kind, "72d3162e", body, payload)
    return checked(make_github_event(delivery, SOURCE, NOW, is_legacy=is_legacy))


def test_a_pull_request() -> None:
    payload = {
        "action": "opened",
        "number": 1,
        "pull_request": {"number": 1, "title": "Fix"},
        "label": {"name": "bug 🐛"},
        "installation": {"id": 2**40},
        **COMMON,
    }
    event = event_of("pull_request", payload)
    assert event.type == "dev.knative.source.github.pull_request"
    assert (event.source, event.subject, event.id) == (SOURCE, "1", "72d3162e")
    assert json.loads(event.data) == payload
    assert event.extensions == {
        "owner": "someuser",
        "repository": "somerepo",
        "sender": "octocat",
        "action": "opened",
        "installation": str(2**40),
        "number": 1,
        "label": "bug 🐛",
    }


def test_a_push() -> None:
    payload = {
        "ref": "refs/heads/main",
        "compare": "https://github.com/a/b/compare/a10867b14bb7...000000000000",
        "created": False,
        "deleted": True,
        "pusher": {"name": "someuser"},
        **COMMON,
    }
    event = event_of("push", payload)
    assert event.subject == "a10867b14bb7...000000000000"
    assert event.extensions["deleted"] is True
    assert event.extensions["created"] is False
    assert "forced" not in event.extensions


def test_2019_named_event_and_delivery_only() -> None:
    event = event_of("push", COMMON, is_legacy=True)
    assert event.specversion == "0.3"
    assert event.extensions == {"githubevent": "push", "githubdelivery": "72d3162e"}


@pytest.mark.parametrize(
    ("kind", "payload", "subject"),
    [
        ("check_suite", {"check_suite": {"id": 5}}, "5"),
        (
            "issue_comment",
            {"comment": {"html_url": "https://x/y/2#issuecomment-3"}},
            "2#issuecomment-3",
        ),
        ("create", {"ref_type": "tag"}, "tag"),
        ("gollum", {"pages": [{"page_name": "Home"}, {"page_name": "Main"}]}, "Home,Main"),
        ("gollum", {"pages": "none"}, ""),
        ("label", {"label": {"name": "bug"}}, "bug"),
        ("release", {"release": {"tag_name": "v1"}}, "v1"),
        ("status", {"sha": "abc"}, "abc"),
        ("ping", {"hook_id": 30}, "30"),
        ("organization", {"action": "member_added"}, "member_added"),
        ("security_advisory", {"security_advisory": {"ghsa_id": "GHSA-1"}}, "GHSA-1"),
        ("public", COMMON, "9"),
        ("issues", {"issue": None}, ""),
    ],
)
def test_subjects(kind: str, payload: dict[str, Any], subject: str) -> None:
    assert subject_of(kind, payload) == subject


@pytest.mark.parametrize("kind", sorted(KNOWN_EVENTS))
def test_every_event_is_valid_whatever_its_payload_lacks(kind: str) -> None:
    for payload in ({}, COMMON, {"repository": "?", "sender": [], "action": "a\nb"}):
        assert event_of(kind, dict(payload)).type.endswith(kind)


def test_every_event_that_may_be_asked_for_is_known() -> None:
    assert set(GITHUB_EVENTS) <= KNOWN_EVENTS
