"""What is signed of tasks and pipelines, and which signatures count."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.pipeline import Pipeline, Task
from wakeful.apis.pipeline.task_defaults import set_pipeline_defaults, set_task_defaults
from wakeful.apis.pipeline.verificationpolicy_types import ResourcePattern
from wakeful.pipelines.trust import (
    VerificationError,
    checksum,
    is_covered,
    is_signed_by,
    load_key,
    signature_of,
)
from wakeful.pipelines.trust.canonical import canonical_json

MESSAGE = b"the message"
SIGNED = Path(__file__).parent / "signed"


def a_task(text: str) -> Task:
    return Task.from_wire(yaml.safe_load(text))


def pem(key: Any) -> bytes:
    data: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return data


def test_the_json_that_is_signed() -> None:
    """Fields in the order of Tekton's types, maps by keys, HTML escaped, some fields always."""
    task = a_task(
        """
        metadata:
          name: t
          namespace: n
          uid: "1"
          labels: {b: x, a: y}
          annotations: {k: "<&>", tekton.dev/signature: s}
        spec:
          params: [{name: p, type: object, properties: {k: {type: string}}, default: {z: a, b: c}}]
          stepTemplate: {env: [{name: E}]}
          steps:
          - script: "x"
            image: i
            name: s
            volumeMounts: [{mountPath: /a, name: v, readOnly: true}]
        """
    )
    assert canonical_json(task).decode() == (
        '{"kind":"Task","apiVersion":"tekton.dev/v1","metadata":{"name":"t","namespace":"n",'
        '"labels":{"a":"y","b":"x"},"annotations":{"k":"\\u003c\\u0026\\u003e"}},"spec":{"params":'
        '[{"name":"p","type":"object","properties":{"k":{"type":"string"}},"default":{"b":"c",'
        '"z":"a"}}],"steps":[{"name":"s","image":"i","computeResources":{},"volumeMounts":'
        '[{"name":"v","readOnly":true,"mountPath":"/a"}],"script":"x"}],"stepTemplate":{"env":'
        '[{"name":"E"}],"computeResources":{}}}}'
    )


@pytest.mark.parametrize(
    ("file", "digest"),
    [
        ("task.yaml", "fe6b76ca7607e57ec75b26a3b0fb15017091bcc4ae07016851de348d46ca9bef"),
        ("pipeline.yaml", "0464f2338acfe6a047cdfc7ab662015ec42d0fd6d1f47f216eeef0c5f8010354"),
    ],
)
def test_the_digest_is_the_one_of_tektons_own_types(file: str, digest: str) -> None:
    """Digests from Tekton's ``Checksum``, of objects with much of what they can hold."""
    wire = yaml.safe_load((SIGNED / file).read_text())
    kind: type[Task | Pipeline] = Task if wire["kind"] == "Task" else Pipeline
    found = kind.from_wire(wire)
    defaults = set_task_defaults if isinstance(found, Task) else set_pipeline_defaults
    defaults(found, None, AdmissionContext("CREATE", datetime(2026, 1, 1, tzinfo=UTC)))
    assert checksum(found).hex() == digest


def test_a_signature_is_not_part_of_what_is_signed() -> None:
    task = a_task("{metadata: {name: t, annotations: {a: b}}, spec: {steps: [{image: i}]}}")
    before = checksum(task)
    task.metadata.annotations["tekton.dev/signature"] = base64.b64encode(b"sig").decode()
    task.metadata.resource_version, task.metadata.uid = "7", "u"

    assert checksum(task) == before
    assert signature_of(task) == b"sig"
    task.metadata.annotations["a"] = "c"
    assert checksum(task) != before


def test_an_older_version_has_another_digest() -> None:
    """Its containers spell a field otherwise; what only it has must not go unnoticed."""
    task = a_task("{metadata: {name: t}, spec: {steps: [{image: i}]}}")
    old = canonical_json(task, "v1beta1")
    assert b'"apiVersion":"tekton.dev/v1beta1"' in old
    assert b'"steps":[{"name":"","image":"i","resources":{}}]' in old
    task.spec.steps[0].legacy = {"tty": True}
    with pytest.raises(VerificationError):
        checksum(task, "v1beta1")


def test_embedded_tasks_of_pipelines() -> None:
    spec = {"tasks": [{"name": "a", "taskSpec": {"steps": [{"image": "i"}]}}]}
    pipeline = Pipeline.from_wire({"metadata": {"name": "p"}, "spec": spec})
    assert b'"taskSpec":{"spec":null,"metadata":{},"steps":' in canonical_json(pipeline)


def test_keys_of_three_kinds() -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    prime = rsa.generate_private_key(65537, 2048)
    edward = ed25519.Ed25519PrivateKey.generate()
    signed = {
        pem(curve): curve.sign(MESSAGE, ec.ECDSA(hashes.SHA256())),
        pem(prime): prime.sign(MESSAGE, padding.PKCS1v15(), hashes.SHA256()),
        pem(edward): edward.sign(MESSAGE),
    }
    for text, signature in signed.items():
        key = load_key(text, "")
        assert is_signed_by(key, signature, MESSAGE)
        assert not is_signed_by(key, signature, MESSAGE + b"!")
        assert not is_signed_by(key, b"", MESSAGE)
    stronger = curve.sign(MESSAGE, ec.ECDSA(hashes.SHA512()))
    assert is_signed_by(load_key(pem(curve), "SHA512"), stronger, MESSAGE)


def test_keys_and_signatures_that_cannot_be_read() -> None:
    good = pem(ec.generate_private_key(ec.SECP256R1()))
    for data, algorithm in ((b"no key", ""), (good, "md5")):
        with pytest.raises(VerificationError):
            load_key(data, algorithm)
    task = a_task("{metadata: {name: t, annotations: {tekton.dev/signature: '!'}}}")
    with pytest.raises(VerificationError):
        signature_of(task)


@pytest.mark.parametrize(
    ("pattern", "source", "covered"),
    [
        ("https://a/b", "git+https://a/b", True),
        ("https://a/b", "https://evil/?https://a/b", False),
        ("^https://a/.*$", "https://a/b", True),
        (".*", "", True),
        ("https://a|x", "https://a/more", False),
    ],
)
def test_patterns_match_the_whole_source(pattern: str, source: str, *, covered: bool) -> None:
    """Else a trusted address inside of another one would do."""
    assert is_covered([ResourcePattern(pattern=pattern)], source) == covered


def test_a_pattern_that_is_none() -> None:
    with pytest.raises(VerificationError):
        is_covered([ResourcePattern(pattern="(")], "x")
