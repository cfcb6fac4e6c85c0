"""Keys and certificates on disk: keys are readable by their owner only, writes are atomic."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from wakeful.pki.authority import CertificateAuthority, KeyPair
from wakeful.pki.errors import PKIError
from wakeful.pki.tokens import TokenIssuer


@dataclass(frozen=True, slots=True)
class PairPaths:
    """Where a pair lives."""

    certificate: Path
    key: Path


def pair_paths(directory: Path, name: str) -> PairPaths:
    """``name.crt`` and ``name.key``."""
    return PairPaths(directory / f"{name}.crt", directory / f"{name}.key")


def load_or_create_authority(
    directory: Path, name: str = "ca", *, now: datetime | None = None
) -> CertificateAuthority:
    """Read the authority of a directory, or make it on first use.

    Raises:
        PKIError: The files are there but damaged; they are never overwritten.
    """
    pair = read_pair(directory, name)
    if pair is None:
        authority = CertificateAuthority.create(f"wakeful-{name}", now=now)
        write_pair(directory, name, authority.pair)
        return authority
    return CertificateAuthority(pair)


def ensure_server_pair(
    authority: CertificateAuthority,
    directory: Path,
    name: str,
    hosts: Sequence[str],
    *,
    now: datetime | None = None,
) -> PairPaths:
    """Have a certificate for ``hosts``; it is issued anew when it is due or names other hosts."""
    moment = now or datetime.now(UTC)
    return _ensure(
        authority,
        directory,
        name,
        moment,
        fits=lambda pair: pair.names == frozenset(hosts),
        issue=lambda: authority.issue_server(hosts, now=moment),
    )


def ensure_client_pair(
    authority: CertificateAuthority,
    directory: Path,
    name: str,
    user: str,
    groups: Sequence[str] = (),
    *,
    now: datetime | None = None,
) -> PairPaths:
    """Have a certificate for ``user``; it is issued anew when it is due or says something else."""
    moment = now or datetime.now(UTC)
    return _ensure(
        authority,
        directory,
        name,
        moment,
        fits=lambda pair: pair.user == user and pair.groups == tuple(groups),
        issue=lambda: authority.issue_client(user, groups, now=moment),
    )


def _ensure(
    authority: CertificateAuthority,
    directory: Path,
    name: str,
    now: datetime,
    *,
    fits: Callable[[KeyPair], bool],
    issue: Callable[[], KeyPair],
) -> PairPaths:
    try:
        pair = read_pair(directory, name)
        good = (
            pair is not None
            and not pair.is_due(now)
            and fits(pair)
            and authority.issued(pair.certificate)
        )
    except PKIError:
        good = False  # a damaged leaf is simply replaced
    if not good:
        write_pair(directory, name, issue())
    return pair_paths(directory, name)


def read_pair(directory: Path, name: str) -> KeyPair | None:
    """Read a pair; None when neither file exists.

    Raises:
        PKIError: Only one of the files is there.
    """
    paths = pair_paths(directory, name)
    present = [path.exists() for path in (paths.certificate, paths.key)]
    if not any(present):
        return None
    if not all(present):
        raise PKIError(f"{paths.certificate} and {paths.key}: one of the two is missing")
    return KeyPair(paths.certificate.read_bytes(), paths.key.read_bytes())


def write_pair(directory: Path, name: str, pair: KeyPair) -> None:
    """Write a pair, the key first."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths = pair_paths(directory, name)
    write_private(paths.key, pair.key_pem)
    write_private(paths.certificate, pair.certificate_pem, mode=0o644)


def load_or_create_token_issuer(
    directory: Path, issuer: str, name: str = "service-account"
) -> TokenIssuer:
    """Read the key that signs service account tokens, or make it on first use.

    Raises:
        PKIError: The key is there but damaged.
    """
    path = directory / f"{name}.key"
    if not path.exists():
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, TokenIssuer.create_key())
    return TokenIssuer(path.read_bytes(), issuer)


def write_private(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Replace a file in one step; nobody sees half of it, nor a key with loose permissions."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
