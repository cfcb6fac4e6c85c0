from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from wakeful.eventbus.kafka import (
    SASL,
    TLS,
    AioKafkaAdmin,
    InitialOffset,
    KafkaConnection,
    KafkaUnavailableError,
    Mechanism,
)
from wakeful.testing.kafka import kafka_broker, sasl_front, tls_front
from wakeful.testing.ports import held_port


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    with kafka_broker() as address:
        yield address


def a_connection(address: str) -> KafkaConnection:
    return KafkaConnection((address,))


async def committed(address: str, group: str, topic: str, partition: int) -> int | None:
    consumer = AIOKafkaConsumer(bootstrap_servers=address, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        return await consumer.committed(TopicPartition(topic, partition))
    finally:
        await consumer.stop()


async def produce(address: str, topic: str, count: int) -> None:
    async with AIOKafkaProducer(bootstrap_servers=address) as producer:
        for number in range(count):
            await producer.send_and_wait(topic, str(number).encode(), partition=0)


async def test_topics_are_made_found_and_deleted(broker: str) -> None:
    """Making a topic twice keeps it; deleting it twice is fine."""
    admin, connection = AioKafkaAdmin(), a_connection(broker)

    for partitions in (3, 5):
        await admin.ensure_topic(
            connection, "made", partitions=partitions, replicas=1, settings={"retention.ms": "1000"}
        )
    found = await admin.partitions(connection, ["made"])
    await admin.delete_topic(connection, "made")
    await admin.delete_topic(connection, "made")

    assert found == {"made": (0, 1, 2)}


async def test_a_new_group_starts_where_it_was_asked_to(broker: str) -> None:
    """The first commit fixes the start; later ones leave it alone."""
    admin, connection = AioKafkaAdmin(), a_connection(broker)
    await admin.ensure_topic(connection, "started", partitions=1, replicas=1, settings={})
    await produce(broker, "started", 3)

    for group, initial in (
        ("late", InitialOffset.LATEST),
        ("early", InitialOffset.EARLIEST),
        ("late", InitialOffset.EARLIEST),
    ):
        await admin.commit_initial_offsets(connection, group, {"started": [0]}, initial)

    assert await committed(broker, "late", "started", 0) == 3
    assert await committed(broker, "early", "started", 0) == 0


async def test_a_cluster_that_is_away_is_named() -> None:
    """The error says which servers were tried."""
    with held_port() as port:
        address = f"127.0.0.1:{port}"
        with pytest.raises(KafkaUnavailableError, match=address):
            await AioKafkaAdmin(timeout_seconds=5).partitions(a_connection(address), ["any"])


async def test_tls_is_spoken_and_the_certificate_checked(tmp_path: Path) -> None:
    """With the right authority it works, with the host's own it is refused."""
    certificate, key = _self_signed()
    pair = tmp_path / "pair.pem"
    pair.write_text(certificate + key)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pair)
    with held_port() as front, kafka_broker(advertised_port=front) as behind:
        async with tls_front(behind, server, front):
            servers = (f"127.0.0.1:{front}",)

            trusted = KafkaConnection(servers, tls=TLS(ca=certificate))
            assert "safe" in await AioKafkaAdmin().partitions(trusted, ["safe"])

            admin = AioKafkaAdmin(timeout_seconds=5)
            with pytest.raises(KafkaUnavailableError, match=servers[0]):
                await admin.partitions(KafkaConnection(servers, tls=TLS()), ["safe"])


async def test_a_password_is_proven(caplog: pytest.LogCaptureFixture) -> None:
    """The right one opens, a wrong one and none are refused; neither is shown."""
    with held_port() as front, kafka_broker(advertised_port=front) as behind:
        servers = (f"127.0.0.1:{front}",)
        async with sasl_front(behind, {"bob": "right-word"}, front):
            admin = AioKafkaAdmin()
            right = KafkaConnection(servers, sasl=SASL("bob", "right-word"))
            assert "safe" in await admin.partitions(right, ["safe"])
            await admin.commit_initial_offsets(right, "g", {"safe": [0]}, InitialOffset.LATEST)

            admin = AioKafkaAdmin(timeout_seconds=5)
            for sasl in (
                SASL("bob", "wrong-word"),
                SASL("bob", "right-word", Mechanism.SCRAM_SHA_256),
                None,
            ):
                with pytest.raises(KafkaUnavailableError, match=servers[0]) as refused:
                    await admin.partitions(KafkaConnection(servers, sasl=sasl), ["safe"])
                assert "-word" not in str(refused.value)
    assert "-word" not in caplog.text


def _self_signed() -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kafka")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode()
