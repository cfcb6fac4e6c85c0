"""Reading what a registry asks for."""

from __future__ import annotations

import pytest

from wakeful.oci.auth import Challenge, parse_challenge

BEARER = {
    "realm": "https://auth.example/token",
    "service": "r.io",
    "scope": "repository:a/b:pull,push",
}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            'Bearer realm="https://auth.example/token",service="r.io",'
            'scope="repository:a/b:pull,push"',
            Challenge("bearer", BEARER),
        ),
        (
            'Basic realm="Basic, or Bearer x=1"',
            Challenge("basic", {"realm": "Basic, or Bearer x=1"}),
        ),
        ('basic realm="x", BEARER realm="y"', Challenge("bearer", {"realm": "y"})),
        ("Basic", Challenge("basic", {})),
        ("Negotiate", None),
        ("", None),
    ],
)
def test_challenges(header: str, expected: Challenge | None) -> None:
    """Bearer before basic; quoted text is text."""
    assert parse_challenge(header) == expected
