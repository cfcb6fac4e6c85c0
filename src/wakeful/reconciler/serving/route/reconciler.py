"""Keep a Route's Ingress and names, and say where it is reached and who answers."""

from __future__ import annotations

from collections.abc import Mapping

from wakeful.aio import Clock
from wakeful.apimachinery.conditions import READY
from wakeful.apimachinery.duration import parse_duration
from wakeful.apimachinery.errors import TerminalError
from wakeful.apimachinery.meta import is_controlled_by
from wakeful.apis.duck import Addressable
from wakeful.apis.networking import Ingress, IngressTLS, IngressVisibility
from wakeful.apis.serving import Configuration, Revision, Route, TrafficTarget, register
from wakeful.apis.serving.config import NetworkConfig
from wakeful.apis.serving.route_lifecycle import INGRESS_READY, RouteReason
from wakeful.client import Lister
from wakeful.controller import Result
from wakeful.reconciler.serving.certificates import (
    Certifier,
    certificate_name,
    local_certificate_name,
)
from wakeful.reconciler.serving.children import Children
from wakeful.reconciler.serving.configs import Current
from wakeful.reconciler.serving.route.hosts import (
    DomainNameError,
    HostNames,
    expand_local,
    internal_host,
)
from wakeful.reconciler.serving.route.placeholders import Placeholders
from wakeful.reconciler.serving.route.resources import RouteConfig, ingress_name, make_ingress
from wakeful.reconciler.serving.route.rollout import (
    SECOND,
    Rollout,
    Share,
    goal_of,
    observe_ready,
    parse_rollout,
    step,
)
from wakeful.reconciler.serving.route.traffic import (
    DEFAULT_TARGET,
    RevisionTarget,
    Traffic,
    resolve_traffic,
)

Visibility = Mapping[str, IngressVisibility]


class RouteListers:
    """The caches a Route's reconciler reads."""

    def __init__(
        self,
        configurations: Lister[Configuration],
        revisions: Lister[Revision],
        ingresses: Lister[Ingress],
    ) -> None:
        self.configurations, self.revisions = configurations, revisions
        self.ingresses = ingresses


class RouteReconciler:
    """Publishes Routes."""

    def __init__(
        self,
        listers: RouteListers,
        placeholders: Placeholders,
        children: Children,
        certifier: Certifier,
        config: Current[RouteConfig],
        clock: Clock,
    ) -> None:
        self._listers, self._placeholders = listers, placeholders
        self._children, self._certifier = children, certifier
        self._config, self._clock = config, clock

    async def reconcile_kind(self, route: Route) -> Result | None:
        """Resolve the targets; while one is bad, what is published stays as it is."""
        config = self._config.current()
        if not route.is_observed:
            route.status.mark_ingress_not_configured()
        traffic = self._resolve(route)
        try:
            visibility = self._publish(route, config.names)
            if traffic.bad is not None:
                traffic.bad.mark(route.status)
                return None
            wanted = {tag: visibility[tag] for tag in traffic.hosts}
            now = self._now()
            rollout = self._roll_out(route, goal_of(traffic.hosts), config, now)
            shown = show_traffic(route, traffic, rollout, visibility, config.names)
            want = make_ingress(route, traffic.hosts, rollout, wanted, config)
        except DomainNameError as err:
            route.status.mark_bad_target(RouteReason.ERROR_CONFIG, str(err), failed=True)
            return None
        route.status.traffic = shown
        route.status.mark_traffic_assigned()
        await self._placeholders.reconcile(route, config.names, wanted)
        want.spec.tls = await self._certify(route, wanted, config)
        ingress = await self._reconcile_ingress(route, want)
        self._report(route, ingress, rollout)
        await self._placeholders.lead_to(ingress, route, config.names, wanted)
        if not rollout.next_step_time:
            return None
        return Result(requeue_after=max(0.001, (rollout.next_step_time - now) / SECOND))

    def _now(self) -> int:
        return int(self._clock.now().timestamp() * SECOND)

    def _roll_out(self, route: Route, goal: Rollout, config: RouteConfig, now: int) -> Rollout:
        """How far the traffic has moved to the newest Revisions; at once unless asked to wait."""
        seconds = rollout_seconds(route.metadata.annotations, config.network)
        have = self._listers.ingresses.get(ingress_name(route.metadata), route.metadata.namespace)
        if seconds <= 0 or have is None:
            return goal
        previous = parse_rollout(have.metadata.annotations.get(register.ROLLOUT, ""))
        seen = route.status.condition(INGRESS_READY)
        if previous is not None and have.is_ready and not (seen is not None and seen.is_true):
            previous = observe_ready(previous, now, seconds)
        return step(goal, previous, now)

    def _resolve(self, route: Route) -> Traffic:
        namespace, listers = route.metadata.namespace, self._listers
        return resolve_traffic(
            route,
            lambda name: listers.revisions.get(name, namespace),
            lambda name: listers.configurations.get(name, namespace),
        )

    def _publish(self, route: Route, names: HostNames) -> Visibility:
        """Say where the Route is, or will be, reached."""
        meta, status = route.metadata, route.status
        tags = {DEFAULT_TARGET} | {target.tag for target in route.spec.traffic}
        visibility = names.visibilities(meta, tags, self._placeholders.find(route))
        own = visibility[DEFAULT_TARGET]
        internal = internal_host(meta)
        status.url = names.url(meta, DEFAULT_TARGET, own)
        status.domain = names.host(meta, DEFAULT_TARGET, own)
        status.domain_internal = internal
        status.address = Addressable(url=f"http://{internal}", hostname=internal)
        return visibility

    async def _certify(
        self, route: Route, visibility: Visibility, config: RouteConfig
    ) -> list[IngressTLS]:
        """Have certificates made for the hosts; URLs say HTTPS where there is one."""
        meta, names = route.metadata, config.names
        inside = IngressVisibility.CLUSTER_LOCAL
        local = {
            local_certificate_name(meta.uid, tag): expand_local(names.host(meta, tag, inside))
            for tag in visibility
        }
        hosts = {
            names.host(meta, tag, side): certificate_name(meta.uid, tag)
            for tag, side in visibility.items()
            if side is IngressVisibility.EXTERNAL_IP
        }
        labels = {register.ROUTE: meta.name}
        provision = await self._certifier.provide(
            route, route.status, hosts, config.network, labels, local
        )
        secure = {
            names.url(meta, tag, side): (
                f"https://{host}" if side is inside else names.gateway.url("https", host)
            )
            for tag, side in visibility.items()
            if (host := names.host(meta, tag, side)) in provision.hosts
        }
        address = route.status.address
        if address is not None and address.hostname in provision.hosts:
            address.url = f"https://{address.hostname}"
            address.ca_certs = self._certifier.authority_pem
        route.status.url = secure.get(route.status.url, route.status.url)
        for target in route.status.traffic:
            target.url = secure.get(target.url, target.url)
        return provision.tls

    async def _reconcile_ingress(self, route: Route, want: Ingress) -> Ingress:
        have = self._listers.ingresses.get(want.metadata.name, want.metadata.namespace)
        if have is None:
            mark = route.status.mark_ingress_failed
            have = await self._children.create(route, want, mark=mark)
        if not is_controlled_by(have, route):
            raise TerminalError(f"{route} does not own {have}")
        return await self._children.update(want, have, mark=route.status.mark_ingress_failed)

    def _report(self, route: Route, ingress: Ingress, rollout: Rollout) -> None:
        if ingress.metadata.generation != ingress.status.observed_generation:
            route.status.mark_ingress_not_configured()
        elif rollout.is_done or not ingress.is_ready:
            route.status.propagate_ingress(ingress.status.condition(READY))
        else:
            route.status.mark_rollout_in_progress()


def show_traffic(
    route: Route, traffic: Traffic, rollout: Rollout, visibility: Visibility, names: HostNames
) -> list[TrafficTarget]:
    """The status' routing table: Revisions by name as they share now, and a URL for each tag."""
    return [
        TrafficTarget(
            tag=entry.tag,
            revision_name=share.revision,
            percent=share.percent,
            latest_revision=entry.latest,
            url=names.url(route.metadata, entry.tag, visibility[entry.tag]) if entry.tag else "",
        )
        for entry in traffic.entries
        for share in _shares(entry, rollout)
    ]


def _shares(entry: RevisionTarget, rollout: Rollout) -> tuple[Share, ...]:
    moving = rollout.find(DEFAULT_TARGET, entry.configuration) if entry.latest else None
    if moving is not None and not moving.is_done and moving.percent == entry.percent:
        return moving.shares
    return (Share(entry.revision, entry.percent),)


def rollout_seconds(annotations: Mapping[str, str], network: NetworkConfig) -> int:
    """How long traffic takes to move: the Route's word, else the cluster's; 0 is at once."""
    text = register.ROLLOUT_DURATION.get(annotations)
    try:
        own = int(parse_duration(text).total_seconds()) if text else 0
    except ValueError:
        own = 0
    return own or network.rollout_duration_seconds
