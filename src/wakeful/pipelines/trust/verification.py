"""Whether a signature counts: patterns of sources, public keys, and hashes. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.patterns import PatternError, matches_whole
from wakeful.apis.pipeline.register import SIGNATURE_ANNOTATION
from wakeful.apis.pipeline.verificationpolicy_types import ResourcePattern

_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "": hashes.SHA256,
    "sha224": hashes.SHA224,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
_GIT = "git+"

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey


class VerificationError(Exception):
    """Something may not be run; the message says why."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found out about something that may be run."""

    passed: bool
    """Signed as its policies demand; False when somebody is to be warned."""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Key:
    """A public key, and the hash that goes with it."""

    public: PublicKey
    algorithm: type[hashes.HashAlgorithm]


def is_covered(patterns: Iterable[ResourcePattern], source: str) -> bool:
    """Whether a policy with ``patterns`` is about a source: one of them matches all of it.

    Raises:
        VerificationError: A pattern cannot be read.
    """
    source = source.strip().removeprefix(_GIT)
    for one in patterns:
        text = one.pattern.removeprefix("^")
        text = text.removesuffix("$")
        try:
            if matches_whole(text, source):
                return True
        except PatternError as err:
            raise VerificationError(f"{err}: regex failed to match") from err
    return False


def load_key(pem: bytes, algorithm: str) -> Key:
    """A key in PEM.

    Raises:
        VerificationError: It is none that can be used, or the hash is unknown.
    """
    chosen = _HASHES.get(algorithm.lower())
    if chosen is None:
        raise VerificationError(f"invalid hash algorithm: {algorithm}")
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as err:
        raise VerificationError(f"failed to decode key: {err}") from err
    if not isinstance(key, PublicKey):
        raise VerificationError("failed to load verifier: keys of this type cannot be used")
    return Key(key, chosen)


def signature_of(obj: Object) -> bytes:
    """The signature that an object carries; empty without one.

    Raises:
        VerificationError: It is no base64.
    """
    try:
        return base64.b64decode(
            obj.metadata.annotations.get(SIGNATURE_ANNOTATION, ""), validate=True
        )
    except (binascii.Error, ValueError) as err:
        raise VerificationError(f"signature is no base64: {err}") from err


def is_signed_by(key: Key, signature: bytes, message: bytes) -> bool:
    """Whether ``signature`` is the owner's of ``key``, of ``message``."""
    public, algorithm = key.public, key.algorithm()
    try:
        match public:
            case ec.EllipticCurvePublicKey():
                public.verify(signature, message, ec.ECDSA(algorithm))
            case rsa.RSAPublicKey():
                public.verify(signature, message, padding.PKCS1v15(), algorithm)
            case ed25519.Ed25519PublicKey():
                public.verify(signature, message)
    except InvalidSignature:
        return False
    return True
