"""How definitions of users' kinds are served."""

from __future__ import annotations

from wakeful.apimachinery.scheme import Resource
from wakeful.apis.apiextensions.crd_rules import set_crd_defaults, validate_crd
from wakeful.apis.apiextensions.crd_types import CustomResourceDefinition
from wakeful.apis.core.cells import CREATED_AT

RESOURCES: tuple[Resource, ...] = (
    Resource(
        CustomResourceDefinition,
        "customresourcedefinitions",
        short_names=("crd", "crds"),
        categories=("api-extensions",),
        namespaced=False,
        has_status=True,
        columns=(CREATED_AT,),
        set_defaults=set_crd_defaults,
        validate=validate_crd,
        custom=False,
    ),
)
