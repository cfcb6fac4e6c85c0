"""ConfigMap, Secret and ServiceAccount: what pods are configured with and run as."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, WithJsonSchema

from wakeful.apimachinery.meta import GroupVersionKind, Object
from wakeful.apis.core.pod_types import LocalObjectReference
from wakeful.apis.core.reference_types import ObjectReference

OPAQUE = "Opaque"
SERVICE_ACCOUNT_TOKEN = "kubernetes.io/service-account-token"  # noqa: S105 - a type's name
DOCKERCFG, DOCKERCONFIGJSON = "kubernetes.io/dockercfg", "kubernetes.io/dockerconfigjson"
BASIC_AUTH, SSH_AUTH, TLS = (
    "kubernetes.io/basic-auth",
    "kubernetes.io/ssh-auth",
    "kubernetes.io/tls",
)
DEFAULT_SERVICE_ACCOUNT = "default"
ROOT_CA_CONFIG_MAP = "kube-root-ca.crt"


def _check_base64(text: str) -> str:
    try:
        base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError) as err:
        raise ValueError("illegal base64 data") from err
    return text


Base64 = Annotated[
    str, AfterValidator(_check_base64), WithJsonSchema({"type": "string", "format": "byte"})
]
"""Bytes, as JSON carries them."""


class ConfigMap(Object):
    """Configuration, as text or bytes by key."""

    gvk: ClassVar = GroupVersionKind("", "v1", "ConfigMap")

    data: dict[str, str] = Field(default_factory=dict)
    binary_data: dict[str, Base64] = Field(default_factory=dict)
    immutable: bool | None = None


class Secret(Object):
    """Configuration that should not be shown; values are base64."""

    gvk: ClassVar = GroupVersionKind("", "v1", "Secret")

    data: dict[str, Base64] = Field(default_factory=dict)
    string_data: dict[str, str] = Field(default_factory=dict)
    """Plain text that is folded into ``data`` on writing and never read back."""
    type: str = ""
    immutable: bool | None = None

    def decoded(self) -> dict[str, bytes]:
        """The values as bytes."""
        return {key: base64.b64decode(value) for key, value in self.data.items()}


class ServiceAccount(Object):
    """An identity pods run as."""

    gvk: ClassVar = GroupVersionKind("", "v1", "ServiceAccount")

    secrets: list[ObjectReference] = Field(default_factory=list)
    image_pull_secrets: list[LocalObjectReference] = Field(default_factory=list)
    automount_service_account_token: bool | None = None
