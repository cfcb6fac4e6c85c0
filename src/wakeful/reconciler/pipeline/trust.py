"""Checks what resolvers fetched against the VerificationPolicies of the run's namespace."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from wakeful.apimachinery.meta import Object
from wakeful.apis.core import Secret
from wakeful.apis.pipeline import VerificationPolicy
from wakeful.apis.pipeline.provenance_types import RefSource
from wakeful.apis.pipeline.register import NoMatch
from wakeful.apis.pipeline.verificationpolicy_types import KeyRef
from wakeful.client import Client
from wakeful.pipelines.trust import (
    Verdict,
    VerificationError,
    checksum,
    is_covered,
    is_signed_by,
    load_key,
    signature_of,
)
from wakeful.pipelines.trust.verification import Key

log = structlog.get_logger("wakeful.reconciler.pipeline")

_FAILED = "resource verification failed"
_WARN = "warn"
_SIGNED_VERSIONS = ("v1", "v1beta1")


class Trust:
    """Judges; ``no_match`` says what becomes of that which no policy is about."""

    def __init__(self, client: Client, no_match: Callable[[], NoMatch]) -> None:
        self._client, self._no_match = client, no_match

    async def verify(
        self, obj: Object, version: str, source: RefSource | None, namespace: str
    ) -> Verdict | None:
        """Check a Task or Pipeline that came as ``version`` from ``source``.

        None when nobody has an opinion about it. Every policy that enforces has to be satisfied, by
        any of its keys; one that warns only leads to a verdict that says so.

        Raises:
            VerificationError: It may not be run.
        """
        uri = source.uri if source is not None else ""
        policies = [
            policy
            for policy in (await self._client.list(VerificationPolicy, namespace)).items
            if is_covered(policy.spec.resources, uri)
        ]
        name = obj.metadata.name
        if not policies:
            return self._unmatched(name, uri)
        if version not in _SIGNED_VERSIONS:
            raise VerificationError(
                f"{_FAILED}: signatures of {obj.gvk.group}/{version} objects cannot be checked"
            )
        signature, message = signature_of(obj), checksum(obj, version)
        where = f"resource {name} in namespace {obj.metadata.namespace}"
        for policy in sorted(policies, key=lambda p: p.spec.mode == _WARN):
            try:
                keys = await self._keys(policy)
            except VerificationError as err:
                failure = str(err)
            else:
                if any(is_signed_by(key, signature, message) for key in keys):
                    continue
                failure = f"{_FAILED}: {where} fails verification"
            if policy.spec.mode != _WARN:
                raise VerificationError(failure)
            log.warning("not signed as a policy wishes", policy=str(policy.key), error=failure)
            return Verdict(passed=False, message=failure)
        return Verdict(passed=True)

    def _unmatched(self, name: str, uri: str) -> Verdict | None:
        text = "failed to get matched policies: no policies are matched: no matching policies are"
        text += f" found for resource: {name} against source: {uri}"
        match self._no_match():
            case NoMatch.IGNORE:
                return None
            case NoMatch.WARN:
                log.warning("no policy is about it", resource=name, source=uri)
                return Verdict(passed=False, message=text)
            case NoMatch.FAIL:
                raise VerificationError(text)

    async def _keys(self, policy: VerificationPolicy) -> list[Key]:
        found = []
        for authority in policy.spec.authorities:
            ref = authority.key or KeyRef()
            found.append(load_key(await self._pem(ref), ref.hash_algorithm))
        if not found:
            raise VerificationError("failed to get verifiers from policy: it has no keys")
        return found

    async def _pem(self, ref: KeyRef) -> bytes:
        if ref.data:
            return ref.data.encode()
        if ref.kms:
            raise VerificationError("failed to get verifier from kms: keys of a KMS cannot be used")
        if ref.secret_ref is None:
            raise VerificationError("failed to get verifiers from policy: key is empty")
        name, namespace = ref.secret_ref.name, ref.secret_ref.namespace
        secret = await self._client.find(Secret, name, namespace)
        if secret is None:
            raise VerificationError(f'failed to get verifier from secret: "{name}" not found')
        if len(secret.data) != 1:
            raise VerificationError(f'secret "{name}" must have exactly one key in it')
        return next(iter(secret.decoded().values()))
