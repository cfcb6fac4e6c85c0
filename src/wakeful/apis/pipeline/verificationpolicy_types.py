"""VerificationPolicy: whose signatures on remote tasks count; stored, not enforced yet."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.meta import APIModel, GroupVersionKind, Object
from wakeful.apis.pipeline.register import GROUP


class ResourcePattern(APIModel):
    """Sources the policy is about, as a regular expression."""

    pattern: str = ""


class SecretReference(APIModel):
    """A secret of any namespace."""

    name: str = ""
    namespace: str = ""


class KeyRef(APIModel):
    """A public key; exactly one of data, secretRef and kms is set."""

    secret_ref: SecretReference | None = None
    data: str = ""
    kms: str = ""
    hash_algorithm: str = ""


class Authority(APIModel):
    """One key that may sign."""

    name: str = ""
    key: KeyRef | None = None


class VerificationPolicySpec(APIModel):
    """Which sources, whose keys, and whether to refuse or to warn."""

    resources: list[ResourcePattern] = Field(default_factory=list)
    authorities: list[Authority] = Field(default_factory=list)
    mode: str = ""


class VerificationPolicy(Object):
    """Whose signatures count."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1alpha1", "VerificationPolicy")

    spec: VerificationPolicySpec = Field(default_factory=VerificationPolicySpec)
