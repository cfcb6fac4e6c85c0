import contextlib
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from wakeful.pki import (
    CertificateAuthority,
    InvalidTokenError,
    PKIError,
    TokenIssuer,
    client_context,
    ensure_client_pair,
    ensure_server_pair,
    load_or_create_authority,
    load_or_create_token_issuer,
    read_pair,
    server_context,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ISSUER = "https://kubernetes.default.svc"


def test_an_authority_is_made_once(tmp_path: Path) -> None:
    first = load_or_create_authority(tmp_path / "pki")
    second = load_or_create_authority(tmp_path / "pki")
    assert first.certificate_pem == second.certificate_pem
    key = tmp_path / "pki" / "ca.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "pki").stat().st_mode) == 0o700


def test_a_damaged_authority_is_not_replaced(tmp_path: Path) -> None:
    load_or_create_authority(tmp_path)
    (tmp_path / "ca.crt").write_text("nonsense")
    with pytest.raises(PKIError):
        load_or_create_authority(tmp_path)
    (tmp_path / "ca.crt").unlink()
    with pytest.raises(PKIError):
        load_or_create_authority(tmp_path)


def test_client_certificates_name_user_and_groups(tmp_path: Path) -> None:
    authority = CertificateAuthority.create()
    ensure_client_pair(authority, tmp_path, "admin", "kubernetes-admin", ["system:masters", "dev"])
    pair = read_pair(tmp_path, "admin")
    assert pair is not None
    assert pair.user == "kubernetes-admin"
    assert pair.groups == ("system:masters", "dev")
    assert authority.issued(pair.certificate)
    assert not CertificateAuthority.create().issued(pair.certificate)


def test_server_certificates_are_kept_until_due_and_follow_their_hosts(tmp_path: Path) -> None:
    authority = CertificateAuthority.create(now=NOW)

    def ensure(hosts: list[str], now: datetime) -> bytes:
        paths = ensure_server_pair(authority, tmp_path, "server", hosts, now=now)
        return paths.certificate.read_bytes()

    hosts = ["localhost", "127.0.0.1", "::1"]
    first = ensure(hosts, NOW)
    pair = read_pair(tmp_path, "server")
    assert pair is not None
    assert pair.names == set(hosts)
    assert ensure(hosts, NOW + timedelta(days=100)) == first
    assert ensure(hosts, NOW + timedelta(days=300)) != first
    other = ensure(["localhost"], NOW + timedelta(days=300))
    (tmp_path / "server.crt").write_text("nonsense")
    assert ensure(["localhost"], NOW + timedelta(days=300)) != other


def test_a_new_authority_means_new_certificates(tmp_path: Path) -> None:
    old, new = CertificateAuthority.create(now=NOW), CertificateAuthority.create(now=NOW)
    ensure_server_pair(old, tmp_path, "server", ["localhost"], now=NOW)
    ensure_server_pair(new, tmp_path, "server", ["localhost"], now=NOW)
    pair = read_pair(tmp_path, "server")
    assert pair is not None
    assert new.issued(pair.certificate)


def test_both_sides_trust_each_other(tmp_path: Path) -> None:
    """A handshake in memory, with the strictest checks this Python has."""
    authority = CertificateAuthority.create()
    server_pair = ensure_server_pair(authority, tmp_path, "server", ["localhost"])
    client_pair = ensure_client_pair(authority, tmp_path, "client", "someone", ["group"])
    client_side = client_context(authority.certificate_pem, client_pair)
    client_side.verify_flags |= ssl.VERIFY_X509_STRICT
    server_side = server_context(server_pair, authority.certificate_pem)
    a_in, a_out, b_in, b_out = (ssl.MemoryBIO() for _ in range(4))
    client = client_side.wrap_bio(a_in, a_out, server_hostname="localhost")
    server = server_side.wrap_bio(b_in, b_out, server_side=True)
    for _ in range(4):
        for side in (client, server):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
            b_in.write(a_out.read())
            a_in.write(b_out.read())
    subject = server.getpeercert()
    assert subject is not None
    assert (("commonName", "someone"),) in subject["subject"]


class TestTokens:
    def test_a_token_says_who_it_is_for(self, tmp_path: Path) -> None:
        issuer = load_or_create_token_issuer(tmp_path, ISSUER)
        token, expires = issuer.issue("ns", "sa", "uid-1", now=NOW, lifetime=timedelta(hours=1))
        again = load_or_create_token_issuer(tmp_path, ISSUER)
        claims = again.verify(token, now=NOW + timedelta(minutes=59))
        assert claims.subject == "system:serviceaccount:ns:sa"
        assert (claims.namespace, claims.name, claims.uid) == ("ns", "sa", "uid-1")
        assert claims.expires == expires == NOW + timedelta(hours=1)
        assert claims.audiences == (ISSUER,)

    def test_bound_objects_are_kept(self) -> None:
        issuer = TokenIssuer(TokenIssuer.create_key(), ISSUER)
        bound = {"pod": {"name": "p", "uid": "u"}}
        token, _ = issuer.issue(
            "ns", "sa", "1", now=NOW, lifetime=timedelta(hours=1), bound=bound, audiences=["me"]
        )
        assert issuer.verify(token, now=NOW, audiences=["me", "you"]).bound == bound

    def test_time_audience_issuer_and_signature_are_checked(self) -> None:
        issuer = TokenIssuer(TokenIssuer.create_key(), ISSUER)
        token, _ = issuer.issue("ns", "sa", "1", now=NOW, lifetime=timedelta(hours=1))
        other = TokenIssuer(TokenIssuer.create_key(), ISSUER)
        for check, when, audiences in (
            (issuer, NOW + timedelta(hours=1), []),
            (issuer, NOW - timedelta(hours=1), []),
            (issuer, NOW, ["somebody else"]),
            (other, NOW, []),
        ):
            with pytest.raises(InvalidTokenError):
                check.verify(token, now=when, audiences=audiences)

    @pytest.mark.parametrize("token", ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
    def test_nonsense_is_no_token(self, token: str) -> None:
        issuer = TokenIssuer(TokenIssuer.create_key(), ISSUER)
        with pytest.raises(InvalidTokenError):
            issuer.verify(token, now=NOW)
