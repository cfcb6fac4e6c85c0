"""Signed tasks and pipelines: what is signed, and whether a signature counts. Pure.

``canonical`` says which bytes of an object are signed, ``verification`` judges signatures by the
VerificationPolicies of a namespace.

Not here: reading policies and secrets (``reconciler.pipeline.trust``).
"""

from wakeful.pipelines.trust.canonical import checksum
from wakeful.pipelines.trust.verification import (
    Verdict,
    VerificationError,
    is_covered,
    is_signed_by,
    load_key,
    signature_of,
)

__all__ = [
    "Verdict",
    "VerificationError",
    "checksum",
    "is_covered",
    "is_signed_by",
    "load_key",
    "signature_of",
]
