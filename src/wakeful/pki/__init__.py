"""Certificates and signing keys: our own authority, what it issues, and service account tokens.

Not for deciding who may do what: that is :mod:`wakeful.apiserver.auth`.
"""

from wakeful.pki.authority import CertificateAuthority, KeyPair
from wakeful.pki.errors import InvalidTokenError, PKIError
from wakeful.pki.files import (
    PairPaths,
    ensure_client_pair,
    ensure_server_pair,
    load_or_create_authority,
    load_or_create_token_issuer,
    read_pair,
)
from wakeful.pki.tls import client_context, server_context
from wakeful.pki.tokens import Claims, TokenIssuer

__all__ = [
    "CertificateAuthority",
    "Claims",
    "InvalidTokenError",
    "KeyPair",
    "PKIError",
    "PairPaths",
    "TokenIssuer",
    "client_context",
    "ensure_client_pair",
    "ensure_server_pair",
    "load_or_create_authority",
    "load_or_create_token_issuer",
    "read_pair",
    "server_context",
]
