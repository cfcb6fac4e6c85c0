"""An address and its hardware address belong together."""

import ipaddress

from wakeful.node.runtime.network.bridge import pod_mac


def test_an_address_keeps_its_hardware_address() -> None:
    """A new pod at an old address is found at once by those who remember the old one."""
    address = ipaddress.IPv4Address("198.19.0.7")

    assert pod_mac(address) == pod_mac(ipaddress.IPv4Address("198.19.0.7"))
    assert pod_mac(address) != pod_mac(address + 1)


def test_hardware_addresses_are_local_and_of_one_interface() -> None:
    """No manufacturer has them, and they are not those of groups."""
    first = pod_mac(ipaddress.IPv4Address("198.19.255.254"))[0]

    assert first & 0b10, "locally administered"
    assert not first & 0b01, "unicast"
