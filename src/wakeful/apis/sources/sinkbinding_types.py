"""SinkBinding: tells the pods of other objects where their events go."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import ConditionSet
from wakeful.apimachinery.labels import LabelSelector
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource
from wakeful.apis.duck import SINK_PROVIDED, SourceSpec
from wakeful.apis.sources import register
from wakeful.apis.sources.source_lifecycle import OIDC_IDENTITY_CREATED, LivingSourceStatus

AVAILABLE = "SinkBindingAvailable"
TOKEN_CREATED = "OIDCTokenSecretCreated"  # noqa: S105 - a condition
TRUST_PROPAGATED = "TrustBundlePropagated"
_OIDC_DISABLED = "authentication-oidc feature disabled"


class SubjectReference(APIModel):
    """Objects with a pod template: one by name, or those whose labels match."""

    api_version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    selector: LabelSelector | None = None


class SinkBindingSpec(SourceSpec):
    """Whom to tell of which sink."""

    subject: SubjectReference = Field(default_factory=SubjectReference)


class SinkBindingStatus(LivingSourceStatus):
    """Whether the subjects know."""

    condition_set: ClassVar = ConditionSet.living(
        AVAILABLE, SINK_PROVIDED, OIDC_IDENTITY_CREATED, TOKEN_CREATED, TRUST_PROPAGATED
    )

    oidc_token_secret_name: str = ""

    def mark_available(self) -> None:
        """Every subject was told."""
        self.manager.mark_true(AVAILABLE)

    def mark_unavailable(self, reason: str, message: str) -> None:
        """A subject could not be told."""
        self.manager.mark_false(AVAILABLE, reason, message)

    def mark_no_identity(self) -> None:
        """Nobody needs an identity, or certificates, while these features are switched off."""
        self.manager.mark_true(OIDC_IDENTITY_CREATED, _OIDC_DISABLED)
        self.manager.mark_true(TOKEN_CREATED, _OIDC_DISABLED)
        self.manager.mark_true(TRUST_PROPAGATED)


class SinkBinding(KResource[SinkBindingSpec, SinkBindingStatus]):
    """Puts ``K_SINK`` into the environment of its subjects' containers."""

    gvk: ClassVar = GroupVersionKind(register.GROUP, "v1", "SinkBinding")

    spec: SinkBindingSpec = Field(default_factory=SinkBindingSpec)
    status: SinkBindingStatus = Field(default_factory=SinkBindingStatus)
