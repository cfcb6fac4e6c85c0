"""``caching.internal.knative.dev``: images worth keeping close."""

from wakeful.apimachinery.scheme import Column, Resource
from wakeful.apis.caching.image_types import Image, ImageSpec, ImageStatus

RESOURCES = (
    Resource(
        Image,
        plural="images",
        categories=("knative-internal", "caching"),
        short_names=("img",),
        has_status=True,
        columns=(Column("Image", ".spec.image"),),
    ),
)

__all__ = ["RESOURCES", "Image", "ImageSpec", "ImageStatus"]
