"""Services: what is filled in and what is refused.

Cluster addresses are given by an admission hook (``wakeful.reconciler.core.admission``), since
they depend on every other service.
"""

from __future__ import annotations

import ipaddress

from wakeful.apimachinery.fields import (
    FieldErrors,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.names import dns_label_faults, dns_subdomain_faults
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.core.rules import (
    first_of,
    validate_choice,
    validate_labels,
    validate_port,
    validate_port_or_name,
)
from wakeful.apis.core.service_types import (
    CLUSTER_IP,
    EXTERNAL_NAME,
    HEADLESS,
    LOAD_BALANCER,
    NODE_PORT,
    Endpoints,
    LoadBalancerStatus,
    Service,
    ServicePort,
    ServiceSpec,
)

_TYPES = (CLUSTER_IP, EXTERNAL_NAME, LOAD_BALANCER, NODE_PORT)
_EXPOSED = (NODE_PORT, LOAD_BALANCER)
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_POLICIES = ("Cluster", "Local")


def set_service_defaults(new: Service, old: Object | None, context: AdmissionContext) -> None:
    """Fill in a service; an update keeps the addresses and node ports that were given."""
    spec = new.spec
    spec.type = spec.type or CLUSTER_IP
    spec.session_affinity = spec.session_affinity or "None"
    if spec.session_affinity == "ClientIP" and spec.session_affinity_config is None:
        spec.session_affinity_config = {"clientIP": {"timeoutSeconds": 10800}}
    for port in spec.ports:
        port.protocol = port.protocol or "TCP"
        if port.target_port is None or port.target_port in (0, ""):
            port.target_port = port.port
    if _is_reached_from_outside(spec):
        spec.external_traffic_policy = spec.external_traffic_policy or "Cluster"
    elif isinstance(old, Service) and _has_same_policy(spec, old.spec):
        spec.external_traffic_policy = ""  # of the former type
    if spec.type == LOAD_BALANCER and spec.allocate_load_balancer_node_ports is None:
        spec.allocate_load_balancer_node_ports = True
    if spec.type != EXTERNAL_NAME:
        spec.internal_traffic_policy = spec.internal_traffic_policy or "Cluster"
    if isinstance(old, Service):
        _keep_allocations(new, old)
    if spec.type != EXTERNAL_NAME:
        if spec.cluster_ip and not spec.cluster_ips:
            spec.cluster_ips = [spec.cluster_ip]
        elif spec.cluster_ips and not spec.cluster_ip:
            spec.cluster_ip = spec.cluster_ips[0]
        spec.ip_families = spec.ip_families or ["IPv4"]
        spec.ip_family_policy = spec.ip_family_policy or "SingleStack"
    if old is None:
        new.status.load_balancer = new.status.load_balancer or LoadBalancerStatus()


def wants_node_ports(service: Service) -> bool:
    """Whether its ports are given a port of the node each; load balancers may do without."""
    spec = service.spec
    if spec.type == LOAD_BALANCER:
        return spec.allocate_load_balancer_node_ports is not False
    return spec.type == NODE_PORT


def _is_reached_from_outside(spec: ServiceSpec) -> bool:
    return spec.type in _EXPOSED or (spec.type == CLUSTER_IP and bool(spec.external_ips))


def _has_same_policy(spec: ServiceSpec, before: ServiceSpec) -> bool:
    return spec.external_traffic_policy == before.external_traffic_policy


def _keep_allocations(new: Service, old: Service) -> None:
    """Carry over what was given to the old service, as far as the new type has a use for it."""
    spec, before = new.spec, old.spec
    if spec.type != EXTERNAL_NAME and before.type != EXTERNAL_NAME:
        spec.cluster_ip = spec.cluster_ip or before.cluster_ip
        if not spec.cluster_ips or spec.cluster_ips == before.cluster_ips:
            spec.cluster_ips = [spec.cluster_ip, *before.cluster_ips[1:]] if spec.cluster_ip else []
    elif spec.type == EXTERNAL_NAME and spec.cluster_ip == before.cluster_ip:
        spec.cluster_ip, spec.cluster_ips = "", []
        spec.ip_families, spec.ip_family_policy = [], None
    known = {(p.port, p.protocol): p.node_port for p in before.ports}
    for port in spec.ports:
        given = known.get((port.port, port.protocol), 0)
        if wants_node_ports(new):
            port.node_port = port.node_port or given
        elif spec.type in _EXPOSED:
            continue  # one that was asked for by name stays
        elif port.node_port == given:
            port.node_port = 0


def validate_service(new: Service, old: Object | None, context: AdmissionContext) -> FieldErrors:
    """Check a service; addresses may not change once given."""
    if context.subresource == "status":
        return []
    spec = new.spec
    found: FieldErrors = []
    found += validate_choice(spec.type, _TYPES, "spec.type")
    headless = spec.cluster_ip == HEADLESS
    if not spec.ports and not headless and spec.type != EXTERNAL_NAME:
        found.append(required("spec.ports"))
    found += _validate_ports(spec.ports, spec.type)
    found += validate_labels(spec.selector, "spec.selector")
    found += validate_choice(spec.session_affinity, ("ClientIP", "None"), "spec.sessionAffinity")
    found += _validate_policies(spec)
    if spec.type == EXTERNAL_NAME:
        name = spec.external_name.rstrip(".")
        if not name:
            found.append(required("spec.externalName"))
        else:
            found += first_of(dns_subdomain_faults(name), "spec.externalName", spec.external_name)
        if spec.cluster_ip and not headless:
            detail = "may not be set for ExternalName services"
            found.append(forbidden("spec.clusterIPs[0]", detail))
    elif headless and spec.type in _EXPOSED:
        detail = f"may not be set to 'None' for {spec.type} services"
        found.append(invalid("spec.clusterIPs[0]", HEADLESS, detail))
    elif spec.cluster_ip and not headless and not _is_ip(spec.cluster_ip):
        detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        found.append(invalid("spec.clusterIPs[0]", spec.cluster_ip, detail))
    if spec.cluster_ips and spec.cluster_ip != spec.cluster_ips[0]:
        detail = "first value must match `clusterIP`"
        found.append(invalid("spec.clusterIPs", spec.cluster_ips, detail))
    for index, address in enumerate(spec.external_ips):
        if not _is_ip(address):
            detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
            found.append(invalid(f"spec.externalIPs[{index}]", address, detail))
    if isinstance(old, Service) and EXTERNAL_NAME not in (spec.type, old.spec.type):
        before, after = old.spec.cluster_ips, spec.cluster_ips
        if before and after and before[0] != after[0]:
            detail = "may not change once set"
            found.append(invalid("spec.clusterIPs[0]", after, detail))
    return found


def _validate_policies(spec: ServiceSpec) -> FieldErrors:
    errors: FieldErrors = []
    outside = "spec.externalTrafficPolicy"
    if _is_reached_from_outside(spec):
        errors += validate_choice(spec.external_traffic_policy, _POLICIES, outside)
    elif spec.external_traffic_policy:
        detail = "may only be set for externally-accessible services"
        errors.append(invalid(outside, spec.external_traffic_policy, detail))
    if spec.internal_traffic_policy is not None:
        inside = "spec.internalTrafficPolicy"
        errors += validate_choice(spec.internal_traffic_policy, _POLICIES, inside)
    return errors


def _validate_ports(ports: list[ServicePort], service_type: str) -> FieldErrors:
    errors: FieldErrors = []
    names: set[str] = set()
    numbers: set[tuple[int, str]] = set()
    node_ports: set[tuple[int, str]] = set()
    for index, port in enumerate(ports):
        at = f"spec.ports[{index}]"
        if not port.name:
            if len(ports) > 1:
                errors.append(required(f"{at}.name"))
        else:
            errors += first_of(dns_label_faults(port.name), f"{at}.name", port.name)
            if port.name in names:
                errors.append(duplicate(f"{at}.name", port.name))
            names.add(port.name)
        errors += validate_port(port.port, f"{at}.port")
        if port.protocol not in _PROTOCOLS:
            errors.append(not_supported(f"{at}.protocol", port.protocol, _PROTOCOLS))
        errors += validate_port_or_name(port.target_port, f"{at}.targetPort")
        if port.node_port and service_type not in _EXPOSED:
            detail = f"may not be used when `type` is '{service_type}'"
            errors.append(forbidden(f"{at}.nodePort", detail))
        if port.node_port and (port.node_port, port.protocol) in node_ports:
            errors.append(duplicate(f"{at}.nodePort", port.node_port))
        node_ports.add((port.node_port, port.protocol))
        key = (port.port, port.protocol)
        if key in numbers:
            errors.append(duplicate(at, {"port": port.port, "protocol": port.protocol}))
        numbers.add(key)
    return errors


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def set_endpoints_defaults(new: Endpoints, old: Object | None, context: AdmissionContext) -> None:
    """A port is TCP unless it says otherwise."""
    for subset in new.subsets:
        for port in subset.ports:
            port.protocol = port.protocol or "TCP"


def validate_endpoints(
    new: Endpoints, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Addresses and ports have to be usable."""
    errors: FieldErrors = []
    for index, subset in enumerate(new.subsets):
        at = f"subsets[{index}]"
        if not subset.addresses and not subset.not_ready_addresses:
            errors.append(required(at, "must specify `addresses` or `notReadyAddresses`"))
        for name, addresses in (
            ("addresses", subset.addresses),
            ("notReadyAddresses", subset.not_ready_addresses),
        ):
            for position, address in enumerate(addresses):
                if not _is_ip(address.ip):
                    detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
                    errors.append(invalid(f"{at}.{name}[{position}].ip", address.ip, detail))
        for position, port in enumerate(subset.ports):
            if len(subset.ports) > 1 and not port.name:
                errors.append(required(f"{at}.ports[{position}].name"))
            errors += validate_port(port.port, f"{at}.ports[{position}].port")
    return errors
