from __future__ import annotations

from typing import Any

import pytest

from wakeful.apis.serving import Configuration, DomainMapping, Revision, Route, Service

C0 = "spec.template.spec.containers[0]"

CONTAINER_FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"image": ""}, f"missing field(s): {C0}.image"),
    (
        {"image": "Foo:::bar"},
        f"Failed to parse image reference: {C0}.image\n"
        'image: "Foo:::bar", error: could not parse reference: Foo:::bar',
    ),
    ({"name": "queue-proxy"}, f'"queue-proxy" is a reserved container name: {C0}.name'),
    (
        {"env": [{"name": "PORT", "value": "1"}]},
        f'"PORT" is a reserved environment variable: {C0}.env[0].name',
    ),
    (
        {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]},
        f"must not set the field(s): {C0}.env[0].valueFrom.fieldRef",
    ),
    (
        {"envFrom": [{}]},
        f"expected exactly one, got neither: {C0}.envFrom[0].configMapRef,"
        f" {C0}.envFrom[0].secretRef",
    ),
    (
        {"lifecycle": {}, "stdin": True, "tty": True},
        f"must not set the field(s): {C0}.lifecycle, {C0}.stdin, {C0}.tty",
    ),
    (
        {"ports": [{"containerPort": 8012}]},
        f"invalid value: 8012 is a reserved port: {C0}.ports.containerPort\n"
        "8012 is a reserved port, please use a different value",
    ),
    (
        {"ports": [{"containerPort": 65536}]},
        f"expected 0 <= 65536 <= 65535: {C0}.ports.containerPort",
    ),
    (
        {"ports": [{"name": "grpc", "containerPort": 80}]},
        f"Port name grpc is not allowed: {C0}.ports\nName must be empty, or one of: 'h2c', 'http1'",
    ),
    (
        {"ports": [{"containerPort": 80, "protocol": "UDP"}]},
        f"invalid value: UDP: {C0}.ports.protocol",
    ),
    (
        {"ports": [{"containerPort": 80, "hostPort": 80}]},
        f"must not set the field(s): {C0}.ports.hostPort",
    ),
    (
        {"ports": [{"containerPort": 80}, {"containerPort": 81}]},
        "more than one container port is set: spec.template.spec.containers[*].ports\n"
        "Only a single port is allowed across all containers",
    ),
    (
        {"securityContext": {"runAsUser": -10}},
        f"expected 0 <= -10 <= 2147483647: {C0}.securityContext.runAsUser",
    ),
    (
        {"securityContext": {"privileged": True}},
        f"must not set the field(s): {C0}.securityContext.privileged",
    ),
    (
        {"securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}},
        f"must not set the field(s): {C0}.securityContext.capabilities.add",
    ),
    (
        {"readinessProbe": {"httpGet": {"path": "/"}, "tcpSocket": {}}},
        f"expected exactly one, got both: {C0}.readinessProbe.httpGet,"
        f" {C0}.readinessProbe.tcpSocket",
    ),
    (
        {"readinessProbe": {"tcpSocket": {}, "failureThreshold": 7, "timeoutSeconds": 3}},
        f"failureThreshold is disallowed when periodSeconds is zero:"
        f" {C0}.readinessProbe.failureThreshold\n"
        f"timeoutSeconds is disallowed when periodSeconds is zero:"
        f" {C0}.readinessProbe.timeoutSeconds",
    ),
    (
        {"livenessProbe": {"httpGet": {"path": "/", "port": "other"}}},
        f"invalid value: other: {C0}.livenessProbe.httpGet.port\n"
        "Probe port must match container port",
    ),
    (
        {"volumeMounts": [{"name": "none", "mountPath": "/x"}]},
        f"volumeMount has no matching volume: {C0}.volumeMounts[0].name",
    ),
    ({"terminationMessagePolicy": "Never"}, f"invalid value: Never: {C0}.terminationMessagePolicy"),
]


@pytest.mark.parametrize(("container", "denial"), CONTAINER_FAULTS)
def test_container_faults_are_named(
    admit: Any, service_data: Any, container: dict[str, Any], denial: str
) -> None:
    data = service_data()
    data["spec"]["template"]["spec"]["containers"][0] |= container
    assert admit(Service.from_wire(data)) == denial


SPEC_FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"containers": []}, "missing field(s): spec.template.spec.containers"),
    ({"timeoutSeconds": 601}, "expected 0 <= 601 <= 600: spec.template.spec.timeoutSeconds"),
    (
        {"containerConcurrency": 1001},
        "expected 0 <= 1001 <= 1000: spec.template.spec.containerConcurrency",
    ),
    ({"nodeName": "n"}, "must not set the field(s): spec.template.spec.nodeName"),
    (
        {"restartPolicy": "Never", "affinity": {}, "hostPID": True},
        "must not set the field(s): spec.template.spec.affinity, spec.template.spec.hostPID,"
        " spec.template.spec.restartPolicy",
    ),
    (
        {"automountServiceAccountToken": True},
        "must not set the field(s): spec.template.spec.automountServiceAccountToken",
    ),
    (
        {"volumes": [{"name": "v", "secret": {"secretName": "s"}}]},
        'volume with name "v" not mounted: spec.template.spec.volumes[0].name',
    ),
]


@pytest.mark.parametrize(("spec", "denial"), SPEC_FAULTS)
def test_spec_faults_are_named(
    admit: Any, service_data: Any, spec: dict[str, Any], denial: str
) -> None:
    data = service_data()
    data["spec"]["template"]["spec"] |= spec
    assert admit(Service.from_wire(data)) == denial


def test_service_account_name_must_be_a_subdomain(admit: Any, service_data: Any) -> None:
    data = service_data()
    data["spec"]["template"]["spec"]["serviceAccountName"] = "foo@bar.baz"
    denial = admit(Service.from_wire(data))
    assert denial.startswith(
        "invalid value: foo@bar.baz: spec.template.spec.serviceAccountName\n"
        "a lowercase RFC 1123 subdomain must consist of"
    )


@pytest.mark.parametrize("value", [False, None])
def test_token_may_be_refused(admit: Any, service_data: Any, value: bool | None) -> None:
    data = service_data()
    data["spec"]["template"]["spec"]["automountServiceAccountToken"] = value
    assert admit(Service.from_wire(data)) == ""


def test_several_containers_need_exactly_one_port(admit: Any) -> None:
    def service(*containers: dict[str, Any]) -> Service:
        spec = {"containers": list(containers)}
        return Service.from_wire(
            {"metadata": {"name": "hello"}, "spec": {"template": {"spec": spec}}}
        )

    one, port = {"image": "busybox"}, [{"containerPort": 8888}]
    assert admit(service(one, one)) == ("missing field(s): spec.template.spec.containers[*].ports")
    assert admit(service(one | {"ports": port}, one)) == ""
    assert admit(service(one | {"ports": port, "name": "x"}, one | {"name": "x"})) == (
        'duplicate container name "x": spec.template.spec.containers[1].name'
    )
    sidecar = one | {"env": [{"name": "PORT"}], "readinessProbe": {"exec": {"command": ["x"]}}}
    assert admit(service(one | {"ports": port}, sidecar)) == (
        "must not set the field(s): spec.template.spec.containers[1].readinessProbe.exec,"
        " spec.template.spec.containers[1].readinessProbe.successThreshold"
    )


def test_gated_fields_open_with_their_feature(admit: Any, service_data: Any) -> None:
    data = service_data()
    data["spec"]["template"]["spec"] |= {
        "nodeSelector": {"a": "b"},
        "initContainers": [{"image": "busybox"}],
    }
    features = {
        "kubernetes.podspec-nodeselector": "Allowed",
        "kubernetes.podspec-init-containers": "Enabled",
    }
    assert admit(Service.from_wire(data), maps={"config-features": features}) == ""
    denial = admit(Service.from_wire(data))
    assert "pod spec support for init-containers is off, but found 1 init containers" in denial
    assert "must not set the field(s): spec.template.spec.initContainers" in denial


@pytest.mark.parametrize(
    ("volume", "mount", "denial"),
    [
        ({"emptyDir": {"medium": "Memory"}}, {"mountPath": "/data"}, ""),
        ({"secret": {"secretName": "s"}}, {"mountPath": "/data"}, ""),
        (
            {"hostPath": {"path": "/"}},
            {"mountPath": "/data"},
            "HostPath volume support is disabled, but found HostPath volume v:"
            " spec.template.spec.volumes[0]\n"
            "must not set the field(s): spec.template.spec.volumes[0].hostPath",
        ),
        (
            {"emptyDir": {}},
            {"mountPath": "/dev"},
            f'mountPath "/dev" is a reserved path: {C0}.volumeMounts[0].mountPath',
        ),
        (
            {"emptyDir": {}},
            {"mountPath": "relative"},
            f"invalid value: relative: {C0}.volumeMounts[0].mountPath",
        ),
        (
            {"emptyDir": {}},
            {"mountPath": "/data", "mountPropagation": "Bidirectional"},
            "Volume Mount Propagation support is disabled, but found volume mount v with mount"
            f" propagation: {C0}.volumeMounts[0]\n"
            "mount propagation should be set to None or HostToContainer:"
            f" {C0}.volumeMounts[0].mountPropagation\n"
            f"must not set the field(s): {C0}.volumeMounts[0].mountPropagation",
        ),
        (
            {},
            {"mountPath": "/data"},
            "expected exactly one, got neither: spec.template.spec.volumes[0].configMap,"
            " spec.template.spec.volumes[0].emptyDir, spec.template.spec.volumes[0].projected,"
            " spec.template.spec.volumes[0].secret",
        ),
    ],
)
def test_volumes(
    admit: Any, service_data: Any, volume: dict[str, Any], mount: dict[str, Any], denial: str
) -> None:
    data = service_data(volumeMounts=[{"name": "v"} | mount])
    data["spec"]["template"]["spec"]["volumes"] = [{"name": "v"} | volume]
    assert admit(Service.from_wire(data)) == denial


METADATA_FAULTS: list[tuple[dict[str, Any], str]] = [
    (
        {"annotations": {"autoscaling.knative.dev/minScale": "1"}},
        'invalid key name "autoscaling.knative.dev/minScale": metadata.annotations\n'
        'autoscaling annotations must be put under "spec.template.metadata.annotations" to work',
    ),
    (
        {"annotations": {"serving.knative.dev/rollout-duration": "1.5s"}},
        "rollout-duration=1.5s is not at second precision:"
        " metadata.annotations.serving.knative.dev/rollout-duration",
    ),
    ({"name": "", "generateName": "web-"}, ""),
    ({"name": ""}, "name or generateName is required: metadata.name"),
]


@pytest.mark.parametrize(("metadata", "denial"), METADATA_FAULTS)
def test_metadata_faults(
    admit: Any, service_data: Any, metadata: dict[str, Any], denial: str
) -> None:
    data = service_data()
    data["metadata"] |= metadata
    assert admit(Service.from_wire(data)) == denial


def test_bad_name_is_no_label(admit: Any, service_data: Any) -> None:
    denial = admit(Service.from_wire(service_data("Upper")))
    assert denial.startswith("not a DNS 1035 label: [a DNS-1035 label must consist of")
    assert denial.endswith(": metadata.name")


TEMPLATE_FAULTS: list[tuple[dict[str, Any], str]] = [
    (
        {"annotations": {"autoscaling.knative.dev/target": "0"}},
        "target 0 should be at least 0.01:"
        " spec.template.metadata.annotations.autoscaling.knative.dev/target",
    ),
    (
        {"annotations": {"networking.knative.dev/foo": "0"}},
        'invalid key name "networking.knative.dev/foo": spec.template.metadata.annotations',
    ),
    (
        {"annotations": {"serving.knative.dev/progress-deadline": "-1s"}},
        "progress-deadline=-1s must be positive:"
        " spec.template.metadata.annotations.serving.knative.dev/progress-deadline",
    ),
    (
        {"annotations": {"queue.sidecar.serving.knative.dev/cpu-resource-limit": "much"}},
        "invalid value: much: spec.template.metadata.annotations"
        ".[queue.sidecar.serving.knative.dev/cpu-resource-limit]",
    ),
    (
        {"name": "x"},
        'invalid value: "x" must have prefix "hello-": spec.template.metadata.name',
    ),
    ({"name": "hello-x"}, ""),
]


@pytest.mark.parametrize(("metadata", "denial"), TEMPLATE_FAULTS)
def test_template_metadata_faults(
    admit: Any, service_data: Any, metadata: dict[str, Any], denial: str
) -> None:
    data = service_data()
    data["spec"]["template"]["metadata"] = metadata
    assert admit(Service.from_wire(data)) == denial


def test_named_template_needs_a_named_parent(admit: Any, service_data: Any) -> None:
    data = service_data("")
    data["metadata"]["generateName"] = "web-"
    data["spec"]["template"]["metadata"] = {"name": "web-one"}
    assert admit(Service.from_wire(data)) == (
        "must not set the field(s): spec.template.metadata.name"
    )


TRAFFIC_FAULTS: list[tuple[list[dict[str, Any]], str]] = [
    (
        [{"percent": 40}, {"revisionName": "a", "percent": 50}],
        "Traffic targets sum to 90, want 100: spec.traffic",
    ),
    (
        [{"percent": 101}, {"percent": -1}],
        "expected 0 <= -1 <= 100: spec.traffic[1].percent\n"
        "expected 0 <= 101 <= 100: spec.traffic[0].percent",
    ),
    (
        [{"tag": "t", "percent": 100}, {"tag": "t", "revisionName": "a"}],
        'Multiple definitions for "t": spec.traffic[0].tag, spec.traffic[1].tag',
    ),
    (
        [{"revisionName": "r", "latestRevision": True, "percent": 100}],
        'may not set revisionName "r" when latestRevision is true: spec.traffic[0].latestRevision',
    ),
    (
        [{"latestRevision": False, "percent": 100}],
        'may not set revisionName "" when latestRevision is false: spec.traffic[0].latestRevision',
    ),
    (
        [{"configurationName": "c", "percent": 100}],
        "must not set the field(s): spec.traffic[0].configurationName",
    ),
    (
        [{"percent": 100, "url": "http://x"}],
        "must not set the field(s): spec.traffic[0].url",
    ),
]


@pytest.mark.parametrize(("traffic", "denial"), TRAFFIC_FAULTS)
def test_traffic_faults(
    admit: Any, service_data: Any, traffic: list[dict[str, Any]], denial: str
) -> None:
    data = service_data()
    data["spec"]["traffic"] = traffic
    assert admit(Service.from_wire(data)) == denial


def test_tags_are_labels(admit: Any, service_data: Any) -> None:
    data = service_data()
    data["spec"]["traffic"] = [{"tag": "1st", "percent": 100}]
    assert "not a DNS 1035 label" in admit(Service.from_wire(data))


@pytest.mark.parametrize(
    ("target", "denial"),
    [
        (
            {},
            "expected exactly one, got neither: spec.traffic[0].configurationName,"
            " spec.traffic[0].revisionName",
        ),
        (
            {"configurationName": "c", "revisionName": "r"},
            "expected exactly one, got both: spec.traffic[0].configurationName,"
            " spec.traffic[0].revisionName",
        ),
        ({"configurationName": "c"}, ""),
    ],
)
def test_route_targets_name_exactly_one(admit: Any, target: dict[str, Any], denial: str) -> None:
    route = Route.from_wire(
        {"metadata": {"name": "r"}, "spec": {"traffic": [target | {"percent": 100}]}}
    )
    assert admit(route) == denial


def test_named_revision_cannot_change_without_a_new_name(admit: Any, service_data: Any) -> None:
    """The third listing of the traffic chapter: v3 applied again with another variable."""
    data = service_data("traffic-example", env=[{"name": "RESOURCE", "value": "v2"}])
    data["spec"]["template"]["metadata"] = {"name": "traffic-example-v3"}
    old = Service.from_wire(data)
    assert admit(old) == ""
    new = old.deep_copy()
    new.spec.template.spec.containers[0].env[0].value = "v3"
    assert admit(new, old) == (
        "Saw the following changes without a name change (-old +new):"
        " spec.template.metadata.name\n"
        'spec.containers[0].env[0].value:\n\t-: "v2"\n\t+: "v3"\n'
    )
    new.spec.template.metadata.name = "traffic-example-v4"
    assert admit(new, old) == ""


def test_revision_spec_is_immutable_but_its_annotations_are_not(admit: Any) -> None:
    old = Revision.from_wire({"metadata": {"name": "r"}, "spec": {"containers": [{"image": "a"}]}})
    admit(old)
    new = old.deep_copy()
    new.metadata.annotations["autoscaling.knative.dev/minScale"] = "2"
    assert admit(new, old) == ""
    new.spec.containers[0].image = "b"
    assert admit(new, old) == (
        'Immutable fields changed (-old +new): spec\ncontainers[0].image:\n\t-: "a"\n\t+: "b"\n'
    )


def test_creator_cannot_be_changed(admit: Any, service_data: Any) -> None:
    old = Service.from_wire(service_data())
    admit(old, username="alice")
    new = old.deep_copy()
    new.metadata.annotations["serving.knative.dev/creator"] = "mallory"
    new.metadata.annotations["serving.knative.dev/lastModifier"] = "mallory"
    assert admit(new, old, username="mallory") == (
        "annotation value is immutable: metadata.annotations.serving.knative.dev/creator\n"
        "invalid value: mallory: metadata.annotations.serving.knative.dev/lastModifier"
    )


def test_owner_labels_must_be_true(admit: Any, service_data: Any) -> None:
    data = service_data()
    data["metadata"]["labels"] = {"serving.knative.dev/service": "hello"}
    configuration = Configuration.from_wire(data)
    assert admit(configuration) == ("missing field(s): metadata.labels.serving.knative.dev/service")


@pytest.mark.parametrize(
    ("name", "denial"),
    [
        ("shop.example.com", ""),
        (
            "shop.default.svc.cluster.local",
            'invalid name "shop.default.svc.cluster.local": must not be a subdomain of cluster'
            ' local domain "cluster.local": metadata.name',
        ),
        (
            "shop",
            'invalid name "shop": name: Invalid value: "shop": should be a domain with at least'
            " two segments separated by dots: metadata.name",
        ),
    ],
)
def test_domain_mapping_names(admit: Any, name: str, denial: str) -> None:
    mapping = DomainMapping.from_wire(
        {
            "metadata": {"name": name, "namespace": "default"},
            "spec": {
                "ref": {"name": "hello", "kind": "Service", "apiVersion": "serving.knative.dev/v1"}
            },
        }
    )
    assert admit(mapping) == denial
    assert mapping.spec.ref.namespace == "default"
