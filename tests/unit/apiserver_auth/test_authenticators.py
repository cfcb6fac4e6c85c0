from datetime import timedelta

import pytest

from wakeful.aio import ManualClock
from wakeful.apimachinery.request import ANONYMOUS, AUTHENTICATED, UserInfo
from wakeful.apiserver.auth import (
    CertificateAuthenticator,
    ChainAuthenticator,
    ServiceAccountTokens,
    StaticTokens,
)
from wakeful.apiserver.protocols import Credentials
from wakeful.pki import TokenIssuer

CERTIFICATE = {
    "subject": (
        (("organizationName", "system:masters"),),
        (("organizationName", "dev"),),
        (("commonName", "ann"),),
    )
}


def test_certificates_name_user_and_groups() -> None:
    user = CertificateAuthenticator().authenticate(Credentials(certificate=CERTIFICATE))
    assert user == UserInfo("ann", ("system:masters", "dev", AUTHENTICATED))
    nameless = {"subject": ((("organizationName", "dev"),),)}
    assert CertificateAuthenticator().authenticate(Credentials(certificate=nameless)) is None


def test_token_file() -> None:
    tokens = StaticTokens.parse('# comment\ns3cret,ann,1,"dev,ops"\n\nother,bob,2\n')
    assert tokens.authenticate(Credentials("s3cret")) == UserInfo(
        "ann", ("dev", "ops", AUTHENTICATED), "1"
    )
    assert tokens.authenticate(Credentials("other")) == UserInfo("bob", (AUTHENTICATED,), "2")
    assert tokens.authenticate(Credentials("wrong")) is None
    assert tokens.authenticate(Credentials("")) is None


@pytest.mark.parametrize("text", ["token,user", ",user,1", "token,,1"])
def test_a_bad_token_file_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="line 1"):
        StaticTokens.parse(text)


def test_the_first_who_knows_decides() -> None:
    chain = ChainAuthenticator(CertificateAuthenticator(), StaticTokens({"t": UserInfo("bob")}))
    assert chain.authenticate(Credentials()) == ANONYMOUS
    found = chain.authenticate(Credentials("t", CERTIFICATE))
    assert found is not None
    assert found.name == "ann"
    assert chain.authenticate(Credentials("t")) == UserInfo("bob")
    assert chain.authenticate(Credentials("x")) is None


class World:
    """Service accounts and pods by uid."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.uids: dict[tuple[str, str, str], str] = {("serviceaccounts", "ns", "bot"): "u1"}
        issuer = TokenIssuer(TokenIssuer.create_key(), "https://issuer.example")
        self.tokens = ServiceAccountTokens(issuer, lambda *key: self.uids.get(key), self.clock)

    def issue(self, **options: object) -> str:
        return self.tokens.issue(namespace="ns", name="bot", uid="u1", **options).token


def test_a_token_speaks_for_its_account() -> None:
    world = World()
    user = world.tokens.authenticate(Credentials(world.issue()))
    assert user is not None
    assert user.name == "system:serviceaccount:ns:bot"
    assert user.uid == "u1"
    assert user.groups == ("system:serviceaccounts", "system:serviceaccounts:ns", AUTHENTICATED)


async def test_a_token_ends_with_its_time() -> None:
    world = World()
    issued = world.tokens.issue(namespace="ns", name="bot", uid="u1", seconds=600)
    assert issued.expires == world.clock.now() + timedelta(minutes=10)
    assert world.tokens.review(issued.token) is not None
    await world.clock.advance(601)
    assert world.tokens.review(issued.token) is None


def test_a_token_ends_with_its_account() -> None:
    world = World()
    token = world.issue()
    assert world.tokens.review(token) is not None
    world.uids["serviceaccounts", "ns", "bot"] = "u2"
    assert world.tokens.review(token) is None
    world.uids.clear()
    assert world.tokens.review(token) is None


def test_a_token_ends_with_the_pod_it_is_bound_to() -> None:
    world = World()
    world.uids["pods", "ns", "p"] = "p1"
    token = world.issue(bound_object={"kind": "Pod", "apiVersion": "v1", "name": "p", "uid": "p1"})
    user = world.tokens.review(token)
    assert user is not None
    assert user.extra["authentication.kubernetes.io/pod-name"] == ("p",)
    world.uids["pods", "ns", "p"] = "p2"
    assert world.tokens.review(token) is None


def test_audiences() -> None:
    world = World()
    token = world.issue(audiences=["vault"])
    assert world.tokens.authenticate(Credentials(token)) is None
    assert world.tokens.review(token, ["vault"]) is not None
    assert world.tokens.review(token, ["other"]) is None


def test_strangers_tokens_are_nobodys() -> None:
    world, other = World(), World()
    assert world.tokens.review(other.issue()) is None
    assert world.tokens.review("nonsense") is None
