"""Which addresses a domain may stand for, and what the gateway is asked for."""

from __future__ import annotations

import pytest

from wakeful.apimachinery.meta import ObjectMeta
from wakeful.apis.networking import HTTPOption
from wakeful.apis.serving import DomainMapping
from wakeful.apis.serving.config import NetworkConfig
from wakeful.reconciler.serving.domainmapping.resources import make_ingress
from wakeful.reconciler.serving.publishedtarget import Target, UnmappableError, parse_target

HELLO = Target("hello", "shop", "hello.shop.svc.cluster.local")


def test_a_service_is_found_in_its_address() -> None:
    assert parse_target("http://hello.shop.svc.cluster.local", "shop") == HELLO
    assert parse_target("http://hello.shop.svc.cluster.local/", "shop") == HELLO


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://hello.shop.svc.cluster.local/x", "contains a path"),
        ("http://hello.org", "must be of the form {name}.{namespace}.svc.cluster.local"),
        ("http://hello.other.svc.cluster.local", "must be in same namespace as DomainMapping"),
    ],
)
def test_what_cannot_be_mapped(url: str, why: str) -> None:
    with pytest.raises(UnmappableError, match=why):
        parse_target(url, "shop")


def test_the_ingress_leads_where_the_local_host_leads() -> None:
    mapping = DomainMapping(
        metadata=ObjectMeta(
            name="shop.example.org",
            namespace="shop",
            uid="u",
            annotations={"networking.knative.dev/http-protocol": "Redirected"},
        )
    )
    spec = make_ingress(mapping, HELLO, [], NetworkConfig()).spec
    (rule,) = spec.rules
    assert rule.hosts == ["shop.example.org"]
    assert rule.http is not None
    assert rule.http.paths[0].rewrite_host == HELLO.host
    assert spec.http_option == HTTPOption.REDIRECTED
    assert spec.tls == []
