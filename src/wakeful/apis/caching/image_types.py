"""An image that a Revision will need again."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import ConditionedStatus
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource
from wakeful.apis.core.pod_types import LocalObjectReference


class ImageSpec(APIModel):
    """Which image, and how to be allowed to pull it."""

    image: str = ""
    service_account_name: str = ""
    image_pull_secrets: list[LocalObjectReference] = Field(default_factory=list)


class ImageStatus(ConditionedStatus):
    """Whether it is cached."""


class Image(KResource[ImageSpec, ImageStatus]):
    """A request to keep an image at hand."""

    gvk: ClassVar = GroupVersionKind("caching.internal.knative.dev", "v1alpha1", "Image")

    spec: ImageSpec = Field(default_factory=ImageSpec)
    status: ImageStatus = Field(default_factory=ImageStatus)
