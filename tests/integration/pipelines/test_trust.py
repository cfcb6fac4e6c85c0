"""Runs of signed tasks and pipelines, with policies and keys as objects."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from wakeful.apis import make_scheme
from wakeful.apis.core import Namespace, Secret
from wakeful.apis.pipeline import Task, VerificationPolicy
from wakeful.apis.pipeline.provenance_types import RefSource
from wakeful.apis.pipeline.register import NoMatch
from wakeful.pipelines.trust import Verdict, VerificationError, checksum
from wakeful.reconciler.pipeline.trust import Trust
from wakeful.testing.world import World

SOURCE = RefSource(uri="git+https://good/tasks")


def a_task() -> Task:
    return Task.from_wire(
        {"metadata": {"name": "t", "namespace": "ns"}, "spec": {"steps": [{"image": "i"}]}}
    )


@pytest.fixture
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
async def world(key: ec.EllipticCurvePrivateKey) -> World:
    made = World(make_scheme())
    await made.client.create(Namespace.from_wire({"metadata": {"name": "ns"}}))
    text = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    data = {"cosign.pub": base64.b64encode(text).decode()}
    await made.client.create(
        Secret.from_wire({"metadata": {"name": "key", "namespace": "ns"}, "data": data})
    )
    return made


async def policy(world: World, name: str, pattern: str, **spec: Any) -> None:
    wire = {
        "resources": [{"pattern": pattern}],
        "authorities": [
            {"name": "k", "key": {"secretRef": {"name": "key", "namespace": "ns"}}},
        ],
    }
    await world.client.create(
        VerificationPolicy.from_wire(
            {"metadata": {"name": name, "namespace": "ns"}, "spec": wire | spec}
        )
    )


async def test_signed_altered_and_unsigned(world: World, key: ec.EllipticCurvePrivateKey) -> None:
    await policy(world, "good", "https://good/.*")
    trust, task = Trust(world.client, lambda: NoMatch.IGNORE), a_task()
    with pytest.raises(VerificationError, match="resource t in namespace ns fails verification"):
        await trust.verify(task, "v1", SOURCE, "ns")

    signature = key.sign(checksum(task), ec.ECDSA(hashes.SHA256()))
    task.metadata.annotations["tekton.dev/signature"] = base64.b64encode(signature).decode()
    assert await trust.verify(task, "v1", SOURCE, "ns") == Verdict(passed=True)
    with pytest.raises(VerificationError, match="v1alpha1 objects cannot be checked"):
        await trust.verify(task, "v1alpha1", SOURCE, "ns")
    with pytest.raises(VerificationError):
        await trust.verify(task, "v1beta1", SOURCE, "ns")

    task.spec.steps[0].image = "other"
    with pytest.raises(VerificationError):
        await trust.verify(task, "v1", SOURCE, "ns")


async def test_what_no_policy_is_about(world: World) -> None:
    """The flag decides; policies of other namespaces and for other sources do not count."""
    await policy(world, "other", "https://other/.*")
    task = a_task()
    ignored = await Trust(world.client, lambda: NoMatch.IGNORE).verify(task, "v1", SOURCE, "ns")
    assert ignored is None
    warned = await Trust(world.client, lambda: NoMatch.WARN).verify(task, "v1", SOURCE, "ns")
    assert warned is not None
    assert not warned.passed
    with pytest.raises(VerificationError, match="no matching policies are found for resource: t"):
        await Trust(world.client, lambda: NoMatch.FAIL).verify(task, "v1", SOURCE, "ns")


async def test_a_policy_that_only_warns(world: World) -> None:
    await policy(world, "warn", ".*", mode="warn")
    trust = Trust(world.client, lambda: NoMatch.FAIL)
    verdict = await trust.verify(a_task(), "v1", SOURCE, "ns")
    assert verdict is not None
    assert not verdict.passed
    await policy(world, "enforce", ".*", mode="enforce")
    with pytest.raises(VerificationError):
        await trust.verify(a_task(), "v1", SOURCE, "ns")


async def test_a_key_that_is_not_there(world: World) -> None:
    missing = {"name": "k", "key": {"secretRef": {"name": "gone", "namespace": "ns"}}}
    await policy(world, "p", ".*", authorities=[missing])
    with pytest.raises(VerificationError, match='"gone" not found'):
        await Trust(world.client, lambda: NoMatch.IGNORE).verify(a_task(), "v1", SOURCE, "ns")
