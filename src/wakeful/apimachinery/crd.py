"""Definitions of our own kinds: how clients discover them, and how a cluster learns them."""

from __future__ import annotations

from typing import Any

from wakeful.apimachinery.modelschema import structural_schema
from wakeful.apimachinery.scheme import Resource


def crd_name(resource: Resource) -> str:
    """The name that the definition of a kind has."""
    return f"{resource.plural}.{resource.group}"


def make_crd(resource: Resource) -> dict[str, Any]:
    """The definition of a kind, as wire data without status.

    Columns that need computing cannot be said in a definition and are left out.
    """
    names: dict[str, Any] = {
        "plural": resource.plural,
        "singular": resource.singular or resource.kind.lower(),
        "kind": resource.kind,
        "listKind": f"{resource.kind}List",
    }
    if resource.short_names:
        names["shortNames"] = list(resource.short_names)
    if resource.categories:
        names["categories"] = list(resource.categories)
    metadata: dict[str, Any] = {"name": crd_name(resource)}
    if resource.labels:
        metadata["labels"] = dict(resource.labels)
    if resource.annotations:
        metadata["annotations"] = dict(resource.annotations)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": {
            "group": resource.group,
            "names": names,
            "scope": "Namespaced" if resource.namespaced else "Cluster",
            "versions": [
                _version(resource, name, index == 0) for index, name in enumerate(resource.versions)
            ],
        },
    }


def _version(resource: Resource, name: str, is_hub: bool) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    if is_hub and not resource.allow_unknown and resource.is_described:
        schema = structural_schema(resource.model)
    version: dict[str, Any] = {
        "name": name,
        "served": True,
        "storage": is_hub,
        "schema": {"openAPIV3Schema": schema},
    }
    deprecation = next((v.deprecation for v in resource.served_versions if v.name == name), "")
    if deprecation:
        version |= {"deprecated": True, "deprecationWarning": deprecation}
    subresources: dict[str, Any] = {}
    if resource.has_status:
        subresources["status"] = {}
    if resource.scale is not None:
        subresources["scale"] = {
            "specReplicasPath": resource.scale.spec_replicas,
            "statusReplicasPath": resource.scale.status_replicas,
        }
        if resource.scale.label_selector:
            subresources["scale"]["labelSelectorPath"] = resource.scale.label_selector
    if subresources:
        version["subresources"] = subresources
    columns = [
        {"name": c.name, "type": c.type, "jsonPath": c.value}
        | ({"description": c.description} if c.description else {})
        | ({"priority": 1} if c.wide else {})
        for c in resource.columns
        if isinstance(c.value, str)
    ]
    if columns:
        version["additionalPrinterColumns"] = columns
    return version
