from __future__ import annotations

import re
from dataclasses import fields
from datetime import timedelta

import pytest

from wakeful.apis.serving.config import (
    VALIDATORS,
    ConfigError,
    FeaturesConfig,
    Flag,
    LoggingConfig,
    advise,
    parse_defaults,
    parse_deployment,
    parse_domain,
    parse_features,
    parse_gc,
    parse_logging,
    parse_network,
    parse_observability,
)
from wakeful.apis.serving.config.features import config_key
from wakeful.apis.serving.config.gotemplate import Template, TemplateError


def test_defaults_without_data_are_upstreams() -> None:
    config = parse_defaults({})
    assert config.revision_timeout_seconds == 300
    assert config.max_revision_timeout_seconds == 600
    assert config.container_concurrency_max_limit == 1000
    assert config.enable_service_links is False
    assert config.requests == {}


def test_response_start_timeout_follows_the_revision_timeout() -> None:
    assert (
        parse_defaults({"revision-timeout-seconds": "100"}).revision_response_start_timeout_seconds
        == 100
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            {"revision-timeout-seconds": "601"},
            "revision-timeout-seconds (601) cannot be greater than"
            " max-revision-timeout-seconds (600)",
        ),
        (
            {"revision-timeout-seconds": "abc"},
            'failed to parse "revision-timeout-seconds": strconv.ParseInt: parsing "abc":'
            " invalid syntax",
        ),
        (
            {"container-concurrency": "2000"},
            "expected 0 <= 2000 <= 1000: container-concurrency",
        ),
        (
            {"revision-idle-timeout-seconds": "301"},
            "revision-idle-timeout-seconds (301) cannot be greater than"
            " revision-timeout-seconds (300)",
        ),
    ],
)
def test_contradicting_defaults_are_refused(data: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_defaults(data)
    assert str(caught.value) == message


def test_features_are_read_in_any_case_and_keep_defaults_otherwise() -> None:
    features = parse_features(
        {
            "multi-container": "disabled",
            "kubernetes.podspec-init-containers": "ENABLED",
            "queueproxy.mount-podinfo": "allowed",
            "secure-pod-defaults": "AllowRootBounded",
            "tag-header-based-routing": "nonsense",
        }
    )
    assert features == FeaturesConfig(
        multi_container=Flag.DISABLED,
        podspec_init_containers=Flag.ENABLED,
        queueproxy_mount_podinfo=Flag.ALLOWED,
        secure_pod_defaults=Flag.ALLOW_ROOT_BOUNDED,
    )
    assert features.secures_pods
    assert config_key("podspec_volumes_mount_propagation") == (
        "kubernetes.podspec-volumes-mount-propagation"
    )


def test_deployment_config_reads_both_spellings() -> None:
    config = parse_deployment(
        {
            "progressDeadline": "30s",
            "progress-deadline": "1m",
            "registries-skipping-tag-resolving": "a.local, b.local",
            "queue-sidecar-image": "ignored",
            "runtime-class-name": "kata:\n  selector:\n    secure: 'yes'\nplain: {}\n",
        }
    )
    assert config.progress_deadline_seconds == 60
    assert config.registries_skipping_tag_resolving == {"a.local", "b.local"}
    assert config.runtime_class_name({"secure": "yes"}) == "kata"
    assert config.runtime_class_name({}) == "plain"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            {"progress-deadline": "0s"},
            "progress-deadline cannot be a non-positive duration, was 0s",
        ),
        (
            {"progress-deadline": "1.5s"},
            "progress-deadline must be rounded to a whole second, was: 1.5s",
        ),
        (
            {"default-affinity-type": "pack"},
            'unsupported default-affinity-type value: "pack"',
        ),
    ],
)
def test_bad_deployment_config_is_refused(data: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_deployment(data)
    assert str(caught.value) == message


def test_gc_config_knows_disabled() -> None:
    config = parse_gc({"retain-since-create-time": "disabled", "max-non-active-revisions": "50"})
    assert config.retain_since_create_time is None
    assert config.retain_since_last_active_time == timedelta(hours=15)
    assert config.max_non_active_revisions == 50
    with pytest.raises(ConfigError, match="must be <= max-non-active-revisions"):
        parse_gc({"min-non-active-revisions": "9", "max-non-active-revisions": "3"})


def test_domain_is_the_most_specific_match_then_the_smallest_name() -> None:
    config = parse_domain(
        {
            "example.com": "",
            "b.test": "selector:\n  app: web\n",
            "a.test": "selector:\n  app: web\n",
            "prod.test": "selector:\n  app: web\n  tier: prod\n",
            "_example": "ignored: {",
        }
    )
    assert config.lookup({}) == "example.com"
    assert config.lookup({"app": "web"}) == "a.test"
    assert config.lookup({"app": "web", "tier": "prod"}) == "prod.test"


def test_domain_falls_back_to_localhost_without_a_default() -> None:
    assert parse_domain({}).lookup({}) == "localhost"
    assert parse_domain({"a.test": "selector: {a: b}"}).lookup({}) == "localhost"


@pytest.mark.parametrize("domain", ["Bad_domain", "a..b", "-a.test", "UPPER.test"])
def test_what_is_no_domain_is_refused(domain: str) -> None:
    """Every Route under it would fail, which says nothing of where the fault is."""
    with pytest.raises(ConfigError, match=f'invalid domain "{domain}"'):
        parse_domain({"example.com": "", domain: ""})


@pytest.mark.parametrize(
    "key", ["networking.knative.dev/visibility", "serving.knative.dev/visibility"]
)
def test_cluster_local_labels_win_over_any_domain(key: str) -> None:
    config = parse_domain({"example.com": ""})
    assert config.lookup({key: "cluster-local"}) == "svc.cluster.local"


def test_network_config_prefers_dashed_keys() -> None:
    config = parse_network(
        {
            "domainTemplate": "{{.Name}}.{{.Domain}}",
            "domain-template": "{{.Name}}-{{.Namespace}}.{{.Domain}}",
            "rollout-duration": "10",
            "http-protocol": "Redirected",
            "auto-tls": "Enabled",
        }
    )
    assert config.domain_template == Template("{{.Name}}-{{.Namespace}}.{{.Domain}}")
    assert config.rollout_duration_seconds == 10
    assert config.http_protocol == "redirected"
    assert config.external_domain_tls


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"domain-template": "{{.Nope}}"}, "template: can't evaluate field Nope"),
        ({"domain-template": "{{.Name}}/x"}, "domain template has url path: /x"),
        ({"rollout-duration": "-1"}, "rollout-duration must be a positive integer, but was -1"),
        (
            {"http-protocol": "gopher"},
            "httpProtocol gopher in config-network ConfigMap is not supported",
        ),
    ],
)
def test_bad_network_config_is_refused(data: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_network(data)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("template", "result"),
    [
        ("{{.Name}}.{{ .Namespace }}", "web.default"),
        ('{{index .Labels "a/b"}}-x', "one-x"),
        ("{{.Labels.plain}}", "two"),
        ('{{if eq .Namespace "default"}}d{{else}}o{{end}}', "d"),
        ('{{if and (ne .Name "x") .Namespace}}y{{end}}', "y"),
        ('{{if eq .Name "x"}}a{{else if eq .Name "web"}}b{{else}}c{{end}}', "b"),
        ("a {{- .Name -}} b{{/* no */}}", "awebb"),
    ],
)
def test_templates_render(template: str, result: str) -> None:
    values = {"Name": "web", "Namespace": "default", "Labels": {"a/b": "one", "plain": "two"}}
    assert Template(template).render(values) == result


@pytest.mark.parametrize(
    "template", ["{{.Name", "{{if .Name}}x", "{{end}}", "{{range .Labels}}{{end}}", "{{ | }}"]
)
def test_templates_that_are_none_are_refused(template: str) -> None:
    with pytest.raises(TemplateError):
        Template(template)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"metrics-protocol": "smoke"}, 'unsupported protocol "smoke"'),
        ({"metrics-protocol": "grpc"}, 'endpoint should be set when protocol is "grpc"'),
        ({"metrics-endpoint": "here"}, 'endpoint should not be set when protocol is "none"'),
        ({"request-metrics-protocol": "x"}, 'unsupported protocol "x"'),
        ({"tracing-protocol": "zipkin"}, 'unsupported protocol "zipkin"'),
        ({"tracing-protocol": "grpc"}, 'endpoint should be set for protocol "grpc"'),
        ({"tracing-sampling-rate": "1.5"}, "sampling rate 1.500000 should be less than"),
        ({"tracing-sampling-rate": "-1"}, "sampling rate -1.000000 should be greater or equal"),
        ({"runtime-profiling": "on"}, 'unsupported profile setting "on"'),
        ({"runtime-export-interval": "-1s"}, 'export interval "-1s" should be greater than zero'),
        ({"metrics-export-interval": "soon"}, 'failed to parse "metrics-export-interval"'),
        ({"logging.enable-var-log-collection": "x"}, 'failed to parse "logging.enable-var-log'),
    ],
)
def test_faults_in_observability_are_named(data: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_observability(data)
    assert message in str(caught.value)


def test_exporters_as_upstream_knows_them_are_accepted() -> None:
    parse_observability(
        {
            "metrics-protocol": "prometheus",
            "request-metrics-protocol": "http/protobuf",
            "request-metrics-endpoint": "http://collector:4318/v1/metrics",
            "metrics-export-interval": "30s",
            "tracing-protocol": "grpc",
            "tracing-endpoint": "collector:4317",
            "tracing-sampling-rate": "0.1",
            "runtime-profiling": "enabled",
        }
    )


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        (
            "config-network",
            {"system-internal-tls": "Enabled"},
            "has no effect: between the gateway",
        ),
        ("config-network", {"system-internal-tls": "disabled"}, ""),
        ("config-network", {"rollout-duration": "5", "_example": "# x"}, ""),
        ("config-deployment", {"queue-sidecar-cpu-limit": "1"}, "has no effect: instances have no"),
        ("config-logging", {"loglevel.controller": "debug"}, ""),
        ("config-logging", {"loglevel.controler": "debug"}, "did you mean 'loglevel.controller'?"),
        ("config-logging", {"loglevel.hpaautoscaler": "debug"}, "logs as the controller does"),
        ("config-logging", {"zap-logger-config": '{"level": "debug"}'}, ""),
        ("config-logging", {"zap-logger-config": '{"encoding": "json"}'}, "only the level has"),
        (
            "config-logging",
            {"zap-logger-config": '{"level": "loud"}'},
            "'loud' is no logging level",
        ),
        ("config-logging", {"zap-logger-config": '{"level": 7}'}, "7 is no logging level"),
        ("config-logging", {"zap-logger-config": "level: info"}, "it is not JSON"),
        ("config-logging", {"zap-logger-config": "[]"}, "it is no JSON object"),
        ("config-autoscaler", {"stable-windw": "9s"}, "did you mean 'stable-window'?"),
        (
            "config-features",
            {"multi-container": "on"},
            "'on' is none of enabled, allowed, disabled",
        ),
        ("config-features", {"secure-pod-defaults": "AllowRootBounded"}, ""),
        ("config-features", {"queueproxy.mount-podinfo": "allowed"}, "has no effect"),
        ("config-observability", {"tracing-protocol": "grpc"}, "no spans are sent while"),
        ("config-observability", {"tracing-protocol": "stdout"}, ""),
        ("config-observability", {"request-metrics-protocol": "prometheus"}, ""),
        ("config-observability", {"metrics.backend-destination": "prometheus"}, "dropped it"),
        ("config-observability", {"runtime-profiling": "enabled"}, "no profiling server"),
        ("config-tracing", {"backend": "stackdriver"}, "to no cloud's own"),
        ("config-tracing", {"zipkin-endpoint": "http://z:9411/api/v1/spans"}, "version 2"),
        ("config-tracing", {"zipkin-endpoint": "http://z:9411/api/v2/spans"}, ""),
        ("config-observability", {"metrics-protocol": "none"}, ""),
        ("config-domain", {"example.com": ""}, ""),
    ],
)
def test_what_does_nothing_is_said(name: str, data: dict[str, str], told: str) -> None:
    """Keys without effect here, misspelt ones, and flags that upstream passes over."""
    sentences = list(advise(name, data))
    assert bool(sentences) == bool(told)
    assert all(told in sentence for sentence in sentences)


def test_defaults_that_are_written_out_are_not_talked_about() -> None:
    """Every feature at its default: nobody has asked for anything yet."""
    for feature in fields(FeaturesConfig):
        data = {config_key(feature.name): str(feature.default)}
        assert list(advise("config-features", data)) == []


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("config-leader-election", {"buckets": "11"}, "value must be between 1 <= 11 <= 10"),
        ("config-leader-election", {"lease-duration": "x"}, 'failed to parse "lease-duration"'),
        ("config-logging", {"loglevel.webhook": "loud"}, "invalid logging level: loud"),
        ("config-certmanager", {"issuerRef": "me"}, "failed to parse issuerRef"),
        ("config-deployment", {"queue-sidecar-cpu-limit": "x"}, "quantities must match"),
        ("config-deployment", {"runtime-class-name": "x"}, "the value is 'x', not a mapping"),
        ("config-domain", {"a.com": "selector: x"}, "selector is 'x', not a mapping"),
        ("config-network", {"namespace-wildcard-cert-selector": "x"}, "it is 'x', not a mapping"),
        ("config-network", {"enable-mesh-pod-addressability": "x"}, "strconv.ParseBool"),
    ],
)
def test_faults_are_told_in_words(name: str, data: dict[str, str], message: str) -> None:
    """Whoever reads the refusal knows YAML, not Python."""
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        VALIDATORS[name](data)
    assert "object has no attribute" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "level", "components"),
    [
        ({}, None, {}),
        ({"zap-logger-config": '{"level": "WARN", "encoding": "json"}'}, 30, {}),
        ({"zap-logger-config": '{"level": ""}'}, 20, {}),
        ({"zap-logger-config": "{"}, None, {}),
        ({"loglevel.controller": "debug", "loglevel.webhook": ""}, None, {"controller": 10}),
        ({"loglevel.activator": "Fatal", "loglevel.": "x"}, None, {"activator": 50}),
    ],
)
def test_levels_of_logging(
    data: dict[str, str], level: int | None, components: dict[str, int]
) -> None:
    """One for all and one for each component; what cannot be read as zap's leaves all as it is."""
    assert parse_logging(data) == LoggingConfig(level, components)
