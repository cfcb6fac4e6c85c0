"""One door to the three patches that do not need field ownership."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wakeful.apimachinery.errors import UnsupportedMediaTypeError
from wakeful.apimachinery.jsonpatch import apply_json_patch
from wakeful.apimachinery.mergepatch import apply_merge_patch
from wakeful.apimachinery.request import PatchType
from wakeful.apimachinery.shapes import PLAIN, Shape
from wakeful.apimachinery.strategic import apply_strategic_patch

ACCEPTED_BUILT_IN = tuple(PatchType)
ACCEPTED_CUSTOM = (PatchType.JSON, PatchType.MERGE, PatchType.APPLY)


def apply_patch(
    patch_type: PatchType, patch: Any, document: Mapping[str, Any], shape: Shape = PLAIN
) -> dict[str, Any]:
    """Return the patched document; neither argument is changed.

    Server-side apply is not here: see :mod:`wakeful.apimachinery.managedfields`.

    Raises:
        BadRequestError: The patch cannot be read.
        InvalidError: The patch does not fit the document.
    """
    match patch_type:
        case PatchType.JSON:
            return apply_json_patch(patch, document)
        case PatchType.MERGE:
            return apply_merge_patch(patch, document)
        case PatchType.STRATEGIC:
            return apply_strategic_patch(patch, document, shape)
        case PatchType.APPLY:
            raise unsupported_patch(patch_type, custom=False)


def unsupported_patch(content_type: str, *, custom: bool) -> UnsupportedMediaTypeError:
    """The 415 that lists what the kind accepts instead."""
    accepted = ACCEPTED_CUSTOM if custom else ACCEPTED_BUILT_IN
    return UnsupportedMediaTypeError(
        "the body of the request was in an unknown format - accepted media types include: "
        + ", ".join(accepted)
    )
