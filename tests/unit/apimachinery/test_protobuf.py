import base64
import contextlib
import json
import random
from pathlib import Path
from typing import Any

import pytest

from wakeful.apimachinery.errors import BadRequestError, UnsupportedMediaTypeError
from wakeful.apimachinery.protobuf import MAGIC, decode, is_protobuf

SENT: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("kubectl_bodies.json").read_text()
)
"""Bodies kubectl 1.32 sent for a command, and the object it prints for the same command."""


def without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        members = {k: without_empty(v) for k, v in value.items()}
        return {k: v for k, v in members.items() if v not in ("", {}, None) or k == "emptyDir"}
    return [without_empty(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize("command", SENT)
def test_what_kubectl_sends_is_what_it_prints(command: str) -> None:
    body = base64.b64decode(SENT[command]["body"])
    assert without_empty(decode(body)) == SENT[command]["object"]


def field(number: int, value: bytes | int | str) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    value &= 2**64 - 1
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def envelope(api_version: str, kind: str, raw: bytes, content_type: str = "") -> bytes:
    names = field(1, api_version) + field(2, kind)
    tail = field(4, content_type) if content_type else b""
    return MAGIC + field(1, names) + field(2, raw) + tail


def test_a_lease_keeps_micro_times_and_explicit_zeros() -> None:
    time = field(1, 1_700_000_000) + field(2, 5_000)
    spec = field(1, "me") + field(2, 15) + field(4, time) + field(5, 0)
    lease = envelope("coordination.k8s.io/v1", "Lease", field(1, field(1, "l")) + field(2, spec))
    assert decode(lease)["spec"] == {
        "holderIdentity": "me",
        "leaseDurationSeconds": 15,
        "renewTime": "2023-11-14T22:13:20.000005Z",
        "leaseTransitions": 0,
    }


def test_unset_numbers_and_times_of_go_are_left_out() -> None:
    metadata = field(1, "p") + field(7, 0) + field(8, b"") + field(3, "")
    status = field(1, "Running") + field(
        8, field(1, "c") + field(4, 0) + field(5, 0) + field(2, field(2, field(1, b"")))
    )
    pod = envelope("v1", "Pod", field(1, metadata) + field(2, b"") + field(3, status))
    assert decode(pod) == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "status": {
            "phase": "Running",
            "containerStatuses": [
                {"name": "c", "state": {"running": {}}, "ready": False, "restartCount": 0}
            ],
        },
    }


def test_delete_options_of_any_group() -> None:
    options = field(1, 0) + field(2, field(1, "uid-1")) + field(4, "Background")
    for api_version in ("v1", "meta.k8s.io/v1", "apps/v1"):
        assert decode(envelope(api_version, "DeleteOptions", options)) == {
            "apiVersion": api_version,
            "kind": "DeleteOptions",
            "gracePeriodSeconds": 0,
            "preconditions": {"uid": "uid-1"},
            "propagationPolicy": "Background",
        }


def test_negative_numbers_and_managed_fields() -> None:
    entry = field(1, "m") + field(2, "Update") + field(7, field(1, '{"f:data":{}}'))
    metadata = field(1, "n") + field(10, -5) + field(17, entry)
    decoded = decode(envelope("v1", "ConfigMap", field(1, metadata)))
    assert decoded["metadata"] == {
        "name": "n",
        "deletionGracePeriodSeconds": -5,
        "managedFields": [{"manager": "m", "operation": "Update", "fieldsV1": {"f:data": {}}}],
    }


def test_unknown_fields_are_skipped() -> None:
    config_map = field(1, field(1, "n") + field(200, "new")) + field(99, 3)
    assert decode(envelope("v1", "ConfigMap", config_map))["metadata"] == {"name": "n"}


def test_versions_of_one_group_differ() -> None:
    spec = field(3, 5)
    hpa = envelope("autoscaling/v2", "HorizontalPodAutoscaler", field(2, spec))
    assert decode(hpa)["spec"]["maxReplicas"] == 5


def test_json_in_an_envelope() -> None:
    body = envelope("v1", "ConfigMap", b'{"kind":"ConfigMap"}', "application/json")
    assert decode(body) == {"kind": "ConfigMap"}


def test_custom_kinds_have_no_protobuf_form() -> None:
    with pytest.raises(UnsupportedMediaTypeError):
        decode(envelope("serving.knative.dev/v1", "Service", b""))


def test_json_is_not_protobuf() -> None:
    assert not is_protobuf(b'{"kind": "ConfigMap"}')
    with pytest.raises(BadRequestError):
        decode(b'{"kind": "ConfigMap"}')


@pytest.mark.parametrize(
    "raw",
    [
        b"\x08",
        field(1, 7),
        b"\x0b",
        field(2, field(1, b"\xff\xfe")),
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\xff" * 20,
        field(1, field(8, field(1, 2**62))),
        field(1, field(17, field(7, field(1, "not json")))),
    ],
)
def test_damage_is_a_bad_request(raw: bytes) -> None:
    with pytest.raises(BadRequestError):
        decode(envelope("v1", "ConfigMap", raw))


def test_random_damage_never_escapes_as_anything_else() -> None:
    dice = random.Random(7)
    bodies = [base64.b64decode(sent["body"]) for sent in SENT.values()]
    for _ in range(4000):
        body = bytearray(dice.choice(bodies))
        for _ in range(dice.randint(1, 4)):
            body[dice.randrange(4, len(body))] = dice.randrange(256)
        with contextlib.suppress(BadRequestError, UnsupportedMediaTypeError):
            decode(bytes(body[: dice.randint(5, len(body))]))
