"""PodTemplate: what runs may say about the pods of their tasks."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from wakeful.apimachinery.meta import APIModel
from wakeful.apis.core.pod_types import (
    EnvVar,
    HostAlias,
    LocalObjectReference,
    PodSecurityContext,
    Toleration,
    Volume,
)


class PodTemplate(APIModel):
    """Settings of a pod; see ``core/v1 PodSpec``. ``env`` beats the steps' own."""

    node_selector: dict[str, str] = Field(default_factory=dict)
    env: list[EnvVar] = Field(default_factory=list)
    tolerations: list[Toleration] = Field(default_factory=list)
    affinity: dict[str, Any] | None = None
    security_context: PodSecurityContext | None = None
    volumes: list[Volume] = Field(default_factory=list)
    runtime_class_name: str | None = None
    automount_service_account_token: bool | None = None
    dns_policy: str | None = None
    dns_config: dict[str, Any] | None = None
    enable_service_links: bool | None = None
    priority_class_name: str | None = None
    scheduler_name: str = ""
    image_pull_secrets: list[LocalObjectReference] = Field(default_factory=list)
    host_aliases: list[HostAlias] = Field(default_factory=list)
    host_network: bool = False
    host_users: bool | None = None
    topology_spread_constraints: list[dict[str, Any]] = Field(default_factory=list)


def merge_pod_templates(
    template: PodTemplate | None, default: PodTemplate | None
) -> PodTemplate | None:
    """``template`` over ``default``: lists of named things by name, everything else whole."""
    if template is None or default is None:
        found = template or default
        return found.deep_copy() if found is not None else None
    merged = default.deep_copy()
    for name, info in PodTemplate.model_fields.items():
        value = getattr(template, name)
        if value == info.get_default(call_default_factory=True):
            continue
        if name in ("env", "volumes"):
            own = {item.name for item in value}
            value = [item for item in getattr(default, name) if item.name not in own] + value
        setattr(merged, name, value)
    return merged.deep_copy()
