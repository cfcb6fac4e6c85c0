"""Which event server to use."""

from __future__ import annotations

import pytest

from wakeful.apis.eventing.nats_config import NatsConfig, parse_nats_config


def test_an_empty_map_is_the_platforms_own_server() -> None:
    assert parse_nats_config({}) == NatsConfig()
    assert parse_nats_config({"_example": "x", "workers": "3"}) == NatsConfig(workers=3)


def test_a_server_with_credentials() -> None:
    found = parse_nats_config(
        {
            "eventing-nats": """
            url: nats://nats.example.org:4222
            auth:
              credentialFile: {secret: {name: creds}}
            tls:
              secret: {name: ca, key: root.pem}
            """
        }
    )
    assert found.url == "nats://nats.example.org:4222"
    assert found.credentials is not None
    assert found.credentials.key == "nats.creds"
    assert found.ca_secret is not None
    assert found.ca_secret.key == "root.pem"


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ({"eventing-nats": "url: http://x"}, "not of the form nats://HOST:PORT"),
        ({"eventing-nats": "url: 'nats://a:b:c'"}, "not of the form"),
        ({"eventing-nats": "url: nats://me:secret@x:4222"}, "belong into a Secret"),
        ({"eventing-nats": "- a"}, "is not an object"),
        ({"eventing-nats": "url: [a]"}, "eventing-nats: url"),
        ({"workers": "many"}, "workers: 'many' is no number"),
    ],
)
def test_what_makes_no_sense_is_refused(data: dict[str, str], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        parse_nats_config(data)
