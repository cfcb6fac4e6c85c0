"""Where spans and figures go to, out of the texts of both maps."""

from __future__ import annotations

from datetime import timedelta

import pytest

from wakeful.apis.serving.config import (
    CollectorAddress,
    ConfigError,
    ListenAddress,
    MetricsConfig,
    Protocol,
    TracingConfig,
    parse_observability,
    parse_zipkin,
)


def tracing(endpoint: str, protocol: str = "http/protobuf") -> TracingConfig:
    data = {"tracing-protocol": protocol, "tracing-endpoint": endpoint}
    return parse_observability({**data, "tracing-sampling-rate": "1"}).tracing


def metrics(protocol: str, endpoint: str = "", interval: str = "0") -> MetricsConfig:
    data = {"metrics-protocol": protocol, "metrics-export-interval": interval}
    if endpoint:
        data["metrics-endpoint"] = endpoint
    return parse_observability(data).metrics


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://c:4318/v1/traces", CollectorAddress("c", 4318, "/v1/traces")),
        ("http://c:4318", CollectorAddress("c", 4318, "/v1/traces")),
        ("http://c/x", CollectorAddress("c", 80, "/x")),
        ("https://c", CollectorAddress("c", 443, "/v1/traces", tls=True)),
        ("c:4318", CollectorAddress("c", 4318, "/v1/traces", tls=True)),
        ("http://[::1]:4318/", CollectorAddress("::1", 4318, "/")),
    ],
)
def test_endpoints_are_read_as_knative_does(text: str, expected: CollectorAddress) -> None:
    assert tracing(text).collector == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("127.0.0.1:4318", "a scheme is missing, as in http://127.0.0.1:4318"),
        ("http://", "names no host"),
        ("collector", "is no URL"),
        ("http://c:port", "Port could not be cast"),
        ("http://c:99999", "Port out of range"),
        ("http://c:0", "nobody can have"),
        ("http://[fe80::1%25eth0]:4318", "nobody can have"),
        ("http://two words:4318", "nobody can have"),
        ("http://c\u00f6:4318", "nobody can have"),
        ("http://c:4318/a path", "nobody can have"),
    ],
)
def test_endpoints_that_nobody_is_at_are_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        tracing(text)


def test_addresses_are_written_as_they_were_meant() -> None:
    assert CollectorAddress("::1", 4318, "/x").url == "http://[::1]:4318/x"
    assert CollectorAddress("c", 443, "/x", tls=True).url == "https://c/x"


def test_nothing_is_sampled_unless_asked_for() -> None:
    data = {"tracing-protocol": "grpc", "tracing-endpoint": "http://c:4317"}
    assert not parse_observability(data).tracing.enabled
    assert parse_observability({"tracing-protocol": "stdout"}).tracing.sampling_rate == 1
    assert not parse_observability({}).tracing.enabled


def test_figures_are_pushed_or_fetched() -> None:
    assert metrics("none") == MetricsConfig()
    pushed = metrics("grpc", "http://c:4317", "5s")
    assert pushed.pushed
    assert pushed.export_interval == timedelta(seconds=5)
    assert metrics("grpc", "http://c:4317").export_interval == timedelta(seconds=60)
    assert metrics("prometheus").listen is None
    assert metrics("prometheus", ":9090").listen == ListenAddress("", 9090)
    assert metrics("prometheus", "[::1]:9090").listen == ListenAddress("::1", 9090)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("9090", "should be"),
        ("::1:9090", "should be"),
        (":http", 'port "http" could not be parsed'),
        (":80", "should be between 1024 and 65535"),
    ],
)
def test_addresses_nobody_can_listen_at_are_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        metrics("prometheus", text)


def test_zipkin_is_read_as_in_2019() -> None:
    endpoint = "http://zipkin.istio-system.svc.cluster.local:9411/api/v2/spans"
    address = CollectorAddress("zipkin.istio-system.svc.cluster.local", 9411, "/api/v2/spans")
    assert parse_zipkin({}) == TracingConfig()
    assert parse_zipkin({"backend": "none", "zipkin-endpoint": endpoint}) == TracingConfig()
    named = {"backend": "zipkin", "zipkin-endpoint": endpoint}
    assert parse_zipkin(named) == TracingConfig(Protocol.ZIPKIN, address, 0.1)
    older = {"enable": "true", "zipkin-endpoint": endpoint, "sample-rate": "0.5"}
    assert parse_zipkin(older).sampling_rate == 0.5
    assert parse_zipkin({**named, "debug": "true"}).sampling_rate == 1
    assert parse_zipkin({"backend": "stackdriver"}) == TracingConfig()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"backend": "smoke"}, 'unsupported tracing backend value "smoke"'),
        ({"backend": "zipkin"}, "without a zipkin endpoint"),
        ({"enable": "perhaps"}, 'failed to parse "enable"'),
        ({"sample-rate": "2"}, r"sample-rate = 2 must be in \[0, 1\] range"),
    ],
)
def test_faults_in_zipkin_are_named(data: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_zipkin(data)
