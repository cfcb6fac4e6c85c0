"""Service account tokens: JWTs with the claims Kubernetes gives them."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from wakeful.pki.authority import key_pem, load_key
from wakeful.pki.errors import InvalidTokenError

ALGORITHM = "ES256"
SUBJECT_PREFIX = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says."""

    namespace: str
    name: str
    uid: str
    audiences: tuple[str, ...]
    expires: datetime
    token_id: str = ""
    bound: Mapping[str, Mapping[str, str]] | None = None
    """Objects whose life limits the token's: kind in lower case to ``{name, uid}``."""

    @property
    def subject(self) -> str:
        """The user name."""
        return f"{SUBJECT_PREFIX}{self.namespace}:{self.name}"


class TokenIssuer:
    """Signs and verifies service account tokens with one key."""

    def __init__(self, key: bytes, issuer: str) -> None:
        self.issuer = issuer
        self._key = load_key(key)
        self._public = self._key.public_key()
        self._key_id = _key_id(self._public)

    @staticmethod
    def create_key() -> bytes:
        """Make a fresh signing key, as PEM."""
        return key_pem(ec.generate_private_key(ec.SECP256R1()))

    def issue(
        self,
        namespace: str,
        name: str,
        uid: str,
        *,
        now: datetime,
        lifetime: timedelta,
        audiences: Sequence[str] = (),
        bound: Mapping[str, Mapping[str, str]] | None = None,
    ) -> tuple[str, datetime]:
        """Sign a token; returns it with the moment it ends. Without audiences it is for us."""
        issued = int(now.timestamp())
        expires = now.replace(microsecond=0) + lifetime
        kubernetes: dict[str, Any] = {
            "namespace": namespace,
            "serviceaccount": {"name": name, "uid": uid},
        }
        kubernetes |= {kind: dict(reference) for kind, reference in (bound or {}).items()}
        claims = {
            "aud": list(audiences) or [self.issuer],
            "exp": int(expires.timestamp()),
            "iat": issued,
            "iss": self.issuer,
            "jti": str(uuid.uuid4()),
            "kubernetes.io": kubernetes,
            "nbf": issued,
            "sub": f"{SUBJECT_PREFIX}{namespace}:{name}",
        }
        token = jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"kid": self._key_id})
        return token, expires

    def verify(self, token: str, *, now: datetime, audiences: Sequence[str] = ()) -> Claims:
        """Check signature, issuer, time and audience; whether the account lives on is not checked.

        Raises:
            InvalidTokenError: Says which check failed.
        """
        try:
            data = jwt.decode(
                token,
                self._public,
                algorithms=[ALGORITHM],
                issuer=self.issuer,
                audience=list(audiences) or [self.issuer],
                options={
                    "verify_exp": False,  # by the injected clock, below
                    "verify_nbf": False,
                    "verify_iat": False,
                    "require": ["exp", "sub", "aud"],
                },
            )
            return _claims(data, now)
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, OverflowError) as err:
            raise InvalidTokenError(f"service account token is invalid: {err}") from err


def _claims(data: Mapping[str, Any], now: datetime) -> Claims:
    moment = now.timestamp()
    if moment >= float(data["exp"]):
        raise ValueError("token has expired")
    if moment + 10 < float(data.get("nbf", 0)):
        raise ValueError("token is not valid yet")
    private = data["kubernetes.io"]
    account = private["serviceaccount"]
    audience = data["aud"]
    claims = Claims(
        namespace=str(private["namespace"]),
        name=str(account["name"]),
        uid=str(account["uid"]),
        audiences=(audience,) if isinstance(audience, str) else tuple(audience),
        expires=datetime.fromtimestamp(float(data["exp"]), now.tzinfo),
        token_id=str(data.get("jti", "")),
        bound={
            kind: reference
            for kind, reference in private.items()
            if kind not in ("namespace", "serviceaccount") and isinstance(reference, dict)
        },
    )
    if claims.subject != data["sub"]:
        raise ValueError("subject does not match the service account")
    return claims


def _key_id(key: ec.EllipticCurvePublicKey) -> str:
    der = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return _base64(hashlib.sha256(der).digest())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
