"""Request bodies by content type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wakeful.apimachinery import protobuf
from wakeful.apimachinery.decoding import decode_json, decode_yaml
from wakeful.apimachinery.errors import BadRequestError, UnsupportedMediaTypeError
from wakeful.apimachinery.patch import unsupported_patch
from wakeful.apimachinery.request import PatchType, Verb
from wakeful.apiserver.http.negotiation import JSON, PROTOBUF, YAML


@dataclass(frozen=True, slots=True)
class Body:
    """A decoded body, and the paths of members given twice."""

    data: Any = None
    duplicates: Sequence[str] = ()
    patch_type: PatchType | None = None


def decode_request(
    verb: Verb, content_type: str, raw: bytes, *, custom: bool, find_duplicates: bool
) -> Body:
    """Read the body of a request.

    Raises:
        BadRequestError: It cannot be read.
        UnsupportedMediaTypeError: Its content type is none we know.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if verb is Verb.PATCH:
        try:
            patch_type = PatchType(media_type)
        except ValueError as err:
            raise unsupported_patch(media_type, custom=custom) from err
        decode = decode_yaml if patch_type is PatchType.APPLY else decode_json
        decoded = decode(_required(raw))
        return Body(decoded.data, decoded.duplicates, patch_type)
    if not raw and verb in (Verb.DELETE, Verb.DELETE_COLLECTION):
        return Body()
    if media_type == PROTOBUF or protobuf.is_protobuf(raw):
        return Body(protobuf.decode(_required(raw)))
    if media_type in ("", JSON, "application/octet-stream"):
        decoded = decode_json(_required(raw), find_duplicates=find_duplicates)
        return Body(decoded.data, decoded.duplicates)
    if media_type == YAML:
        decoded = decode_yaml(_required(raw))
        return Body(decoded.data, decoded.duplicates)
    raise UnsupportedMediaTypeError(
        "the body of the request was in an unknown format - accepted media types include:"
        f" {JSON}, {YAML}, {PROTOBUF}"
    )


def _required(raw: bytes) -> bytes:
    if not raw:
        raise BadRequestError("the request has no body")
    return raw
