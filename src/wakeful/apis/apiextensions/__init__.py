"""The apiextensions group: users' own kinds."""

from wakeful.apis.apiextensions.crd_rules import accept
from wakeful.apis.apiextensions.crd_types import (
    CustomResourceDefinition,
    CustomResourceDefinitionNames,
    CustomResourceDefinitionVersion,
    DefinitionSpec,
    without_schemas,
)
from wakeful.apis.apiextensions.resources import RESOURCES

__all__ = [
    "RESOURCES",
    "CustomResourceDefinition",
    "CustomResourceDefinitionNames",
    "CustomResourceDefinitionVersion",
    "DefinitionSpec",
    "accept",
    "without_schemas",
]
