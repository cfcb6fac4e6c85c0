"""Addresses that can receive requests or events, and references to whoever has one."""

from __future__ import annotations

from pydantic import Field

from wakeful.apimachinery.meta import APIModel


class Addressable(APIModel):
    """Where something can be reached; ``hostname`` is the 2019 spelling of the same."""

    name: str = ""
    url: str = ""
    hostname: str = ""
    ca_certs: str = Field(default="", alias="CACerts")
    audience: str = ""


class KReference(APIModel):
    """A reference to an object by kind and name; ``namespace`` defaults to the referrer's."""

    kind: str = ""
    namespace: str = ""
    name: str = ""
    api_version: str = ""
    group: str = ""
    address: str = ""
