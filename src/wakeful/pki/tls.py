"""TLS contexts for our servers and clients."""

from __future__ import annotations

import ssl
from pathlib import Path

from wakeful.pki.files import PairPaths


def server_context(pair: PairPaths, client_ca_pem: bytes | None = None) -> ssl.SSLContext:
    """Context of a server; client certificates are welcome, not required."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(pair.certificate, pair.key)
    context.set_alpn_protocols(["http/1.1"])
    if client_ca_pem is not None:
        context.load_verify_locations(cadata=client_ca_pem.decode())
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def client_context(
    ca_pem: bytes | Path, pair: PairPaths | None = None, *, check_hostname: bool = True
) -> ssl.SSLContext:
    """Context of a client that trusts one authority, and may present a certificate."""
    pem = ca_pem.read_bytes() if isinstance(ca_pem, Path) else ca_pem
    context = ssl.create_default_context(cadata=pem.decode())
    context.check_hostname = check_hostname
    if pair is not None:
        context.load_cert_chain(pair.certificate, pair.key)
    return context
