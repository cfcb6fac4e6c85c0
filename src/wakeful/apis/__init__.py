"""The kinds: models, defaults, validation, conversion; a folder for each API group.

Not for behaviour: what happens to objects is in ``wakeful.reconciler``.
"""

from __future__ import annotations

from importlib import import_module

from wakeful.apimachinery.scheme import Resource, Scheme

GROUPS = (
    "core",
    "events",
    "apps",
    "batch",
    "rbac",
    "coordination",
    "discovery",
    "apiextensions",
    "authentication",
    "authorization",
    "policy",
    "hpa",
    "storageapi",
    "kubenetworking",
    "scheduling",
    "admissionregistration",
    "serving",
    "autoscaling",
    "networking",
    "routing",
    "caching",
    "eventing",
    "messaging",
    "flows",
    "sources",
    "sinks",
    "pipeline",
    "resolution",
    "triggers",
)
"""Folders of this package, in the order in which discovery lists their groups."""


def all_resources() -> tuple[Resource, ...]:
    """Every kind the platform serves by itself."""
    found: list[Resource] = []
    for group in GROUPS:
        found += import_module(f"wakeful.apis.{group}").RESOURCES
    return tuple(found)


def make_scheme() -> Scheme:
    """A fresh scheme with every kind."""
    return Scheme(all_resources())
