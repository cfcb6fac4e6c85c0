"""Shapes that many kinds share: what can be addressed, what refers to what."""

from wakeful.apis.duck.addressable_types import Addressable, KReference

__all__ = ["Addressable", "KReference"]
