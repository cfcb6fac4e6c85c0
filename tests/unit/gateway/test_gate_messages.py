"""What the gate reads of Envoy's questions, and the messages it keeps."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from envoy.service.ext_proc.v3 import external_processor_pb2 as ext_proc_pb2

from wakeful.gateway import Endpoint, RevisionKey
from wakeful.gateway.gate.machine import Deny
from wakeful.gateway.gate.messages import (
    make_denial,
    make_release,
    parse_question,
    with_ticket,
    with_timing,
)

KEY = RevisionKey("default", "hello")
ONE = Endpoint("::1", 8080)


def question(**headers: str) -> ext_proc_pb2.ProcessingRequest:
    message = ext_proc_pb2.ProcessingRequest()
    mark = {"revision": KEY.name, "namespace": KEY.namespace}
    message.metadata_context.filter_metadata["wakeful"].update(mark)
    for name, value in headers.items():
        header = message.request_headers.headers.headers.add()
        header.key, header.raw_value = name.replace("_", "-"), value.encode()
    return message


@pytest.mark.parametrize(
    ("value", "hop", "before"),
    [
        ("activator", 1, ""),
        ("activator;again=1", 2, ""),
        ("activator;ticket=a-12", 1, "a-12"),
        ("activator;again=7;ticket=a-3", 8, "a-3"),
        ("anything", 1, ""),
    ],
)
def test_request_that_came_back_says_how_often_and_as_what_it_was_let_go(
    value: str, hop: int, before: str
) -> None:
    asked = parse_question(question(k_proxy_request=value))

    assert (asked.key, asked.hop, asked.timed, asked.before) == (KEY, hop, False, before)
    assert parse_question(question()).hop == 0


def test_request_says_when_it_came() -> None:
    assert parse_question(question(x_wakeful_arrival="1764181920.125000")).since == 1764181920.125
    assert parse_question(question()).since is None


def test_instance_is_named_once_for_each_try() -> None:
    release = make_release(KEY, ONE, 1)

    pick = dict(release.dynamic_metadata["wakeful.pick"])
    headers = release.request_headers.response.header_mutation.set_headers
    assert pick == {"destination": "[::1]:8080,[::1]:8080,[::1]:8080"}
    assert {h.header.key: h.header.raw_value for h in headers} == {
        "x-wakeful-cluster": b"default/hello",
        "K-Proxy-Request": b"activator;again=1",
    }
    assert not make_release(KEY, None, 0).HasField("dynamic_metadata")


def test_kept_messages_are_never_changed() -> None:
    release = make_release(KEY, ONE, 0)
    before = release.SerializeToString(deterministic=True)

    timed = with_timing(release, "start;dur=5")
    named = with_ticket(release, "a-12")

    assert make_release(KEY, ONE, 0) is release
    assert release.SerializeToString(deterministic=True) == before
    assert timed.SerializeToString(deterministic=True) != before
    headers = named.request_headers.response.header_mutation.set_headers
    assert b"activator;ticket=a-12" in {h.header.raw_value for h in headers}


def test_full_line_says_when_to_come_again() -> None:
    deny = Deny(1, HTTPStatus.SERVICE_UNAVAILABLE, "pending request queue full", "queue_full")

    denial = make_denial(deny).immediate_response

    headers = {h.header.key: h.header.raw_value for h in denial.headers.set_headers}
    assert (denial.status.code, denial.body) == (503, b"pending request queue full")
    assert headers["retry-after"] == b"1"
    assert denial.grpc_status.status == 8  # RESOURCE_EXHAUSTED
