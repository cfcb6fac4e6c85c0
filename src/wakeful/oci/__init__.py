"""Container images: names, registries, the local store, and building from source.

Not for running them: this package says what to run and where its files lie, the node agent runs it.
"""

from wakeful.oci.credentials import Credential, Keychain
from wakeful.oci.image import (
    ImageConfig,
    ImageInfo,
    ImageSummary,
    ImageUser,
    Progress,
    ReadOnlyMount,
    RootfsPlan,
)
from wakeful.oci.provider import ImageProvider, PullPolicy
from wakeful.oci.reference import Reference, parse_reference
from wakeful.oci.store import ImageStore, ProgressCallback, Removal

__all__ = [
    "Credential",
    "ImageConfig",
    "ImageInfo",
    "ImageProvider",
    "ImageStore",
    "ImageSummary",
    "ImageUser",
    "Keychain",
    "Progress",
    "ProgressCallback",
    "PullPolicy",
    "ReadOnlyMount",
    "Reference",
    "Removal",
    "RootfsPlan",
    "parse_reference",
]
