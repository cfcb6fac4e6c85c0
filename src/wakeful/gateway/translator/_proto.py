"""Small builders for the protobuf types that every Envoy resource uses."""

from __future__ import annotations

from envoy.config.core.v3 import address_pb2, base_pb2, config_source_pb2
from google.protobuf import any_pb2, duration_pb2, wrappers_pb2
from google.protobuf.message import Message


def any_of(message: Message) -> any_pb2.Any:
    """Wrap ``message`` with its type URL, serialised the same way every time."""
    packed = any_pb2.Any()
    packed.Pack(message, deterministic=True)
    return packed


def seconds(value: float) -> duration_pb2.Duration:
    """A Duration with nanosecond resolution."""
    whole = int(value)
    return duration_pb2.Duration(seconds=whole, nanos=round((value - whole) * 1e9))


def u32(value: int) -> wrappers_pb2.UInt32Value:
    """An optional unsigned number that is set."""
    return wrappers_pb2.UInt32Value(value=value)


def flag(value: bool) -> wrappers_pb2.BoolValue:
    """An optional boolean that is set."""
    return wrappers_pb2.BoolValue(value=value)


def tcp_address(host: str, port: int) -> address_pb2.Address:
    """An IP address and port."""
    return address_pb2.Address(
        socket_address=address_pb2.SocketAddress(address=host, port_value=port)
    )


def ads_source(*, fetch_timeout: float = 2.0) -> config_source_pb2.ConfigSource:
    """Fetch the resource over the one ADS stream."""
    return config_source_pb2.ConfigSource(
        ads=config_source_pb2.AggregatedConfigSource(),
        resource_api_version=config_source_pb2.ApiVersion.V3,
        initial_fetch_timeout=seconds(fetch_timeout),
    )


def set_header(name: str, value: str) -> base_pb2.HeaderValueOption:
    """Put one header, replacing what a client may have sent under that name.

    Percent signs are Envoy's format commands; a value from a user holds none.
    """
    return base_pb2.HeaderValueOption(
        header=base_pb2.HeaderValue(key=name, value=value.replace("%", "%%")),
        append_action=base_pb2.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD,
    )
