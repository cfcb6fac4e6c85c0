"""Hashes that Knative's own code made of these Ingresses (Go 1.27, networking 17b28c62e1)."""

from __future__ import annotations

from typing import Any

import pytest

from wakeful.apis.networking import Ingress
from wakeful.gateway.planner.probehash import probe_hash

EVERYTHING: dict[str, Any] = {
    "httpOption": "Redirected",
    "tls": [{"secretNamespace": "default", "hosts": ["a.b"], "secretName": "s"}],
    "rules": [
        {
            "http": {
                "paths": [
                    {
                        "splits": [
                            {
                                "percent": 70,
                                "serviceName": "v1",
                                "serviceNamespace": "default",
                                "servicePort": 80,
                                "appendHeaders": {"z": "<&>", "a": '\u2028é\u0007\u007f"\\\b\n'},
                            },
                            {
                                "serviceName": "v2",
                                "serviceNamespace": "default",
                                "servicePort": "http",
                                "percent": 30,
                            },
                        ],
                        "path": "/login",
                        "headers": {"foo": {"exact": ""}, "Bar": {"exact": "x"}},
                        "appendHeaders": {"x-b": "2", "x-a": "1"},
                        "rewriteHost": "other.host",
                    },
                    {"splits": [], "pathType": "Exact"},
                    {},
                ]
            },
            "visibility": "ExternalIP",
            "hosts": ["a.b", "c.d"],
        },
        {"hosts": [], "visibility": "ClusterLocal", "http": {}},
        {},
    ],
}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, "c242bf1ca6d06e5ef704df4e5a69cc3d7cda93f65bfedcf6612f9196f8bb0260"),
        (EVERYTHING, "e0b573831dadb9cc4275ad4a420e76fc985403cb4ba66b18a8bdf59f950a796e"),
    ],
    ids=["empty", "everything"],
)
def test_hash_is_the_one_that_knative_computes(spec: dict[str, Any], expected: str) -> None:
    """Order of fields, empty and missing ones, numbers and names of ports, escapes."""
    metadata = {"name": "hello", "namespace": "default"}

    assert probe_hash(Ingress.from_wire({"metadata": metadata, "spec": spec})) == expected
