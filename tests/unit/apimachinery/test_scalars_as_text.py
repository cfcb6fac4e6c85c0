"""Names, durations, ages and quantities."""

import hashlib
from datetime import timedelta
from decimal import Decimal

import pytest

from wakeful.apimachinery.duration import format_duration, human_duration, parse_duration
from wakeful.apimachinery.names import (
    child_name,
    dns_1035_label_faults,
    dns_label_faults,
    dns_subdomain_faults,
    generate_name,
)
from wakeful.apimachinery.quantity import parse_quantity


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


class TestChildNames:
    """The cases are those of Knative's rule: what fits, what is hashed, what is hashed whole."""

    def test_what_fits_stays(self) -> None:
        assert child_name("hello", "-00001") == "hello-00001"
        assert child_name("a" * 57, "-00001") == "a" * 57 + "-00001"

    def test_a_long_parent_is_hashed_and_cut(self) -> None:
        parent = "a" * 60
        name = child_name(parent, "-deployment")
        assert name == "a" * 20 + md5(parent) + "-deployment"
        assert len(name) == 63

    def test_a_long_suffix_is_hashed_with_the_parent(self) -> None:
        parent, suffix = "p" * 40, "-" + "s" * 40
        name = child_name(parent, suffix)
        assert name == "p" * 31 + md5(parent + suffix)
        assert len(name) == 63

    def test_a_short_parent_is_filled_up_from_the_suffix(self) -> None:
        suffix = "-" + "s" * 70
        name = child_name("ab", suffix)
        assert name == ("ab" + md5("ab" + suffix) + suffix)[:63]
        assert len(name) == 63

    def test_no_name_ends_in_a_dash(self) -> None:
        suffix = "s" * 28 + "-" + "t" * 40
        name = child_name("ab", suffix)
        assert name == "ab" + md5("ab" + suffix) + "s" * 28


@pytest.mark.parametrize("good", ["a", "a-b", "0", "a" * 63])
def test_labels(good: str) -> None:
    assert dns_label_faults(good) == []


@pytest.mark.parametrize("bad", ["", "A", "-a", "a-", "a.b", "a\n", "ä", "a" * 64, "a b"])
def test_what_is_no_label(bad: str) -> None:
    assert dns_label_faults(bad)


def test_other_names() -> None:
    assert dns_1035_label_faults("a1") == []
    assert dns_1035_label_faults("1a")
    assert dns_subdomain_faults("a.b-c.d") == []
    for bad in ("a..b", ".a", "a.", "a_b", "a.b\n", "a" * 254):
        assert dns_subdomain_faults(bad)
    assert generate_name("hello-").startswith("hello-")
    assert len(generate_name("x" * 100)) == 63


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1h2m3.5s", 3723.5),
        ("90s", 90),
        ("0", 0),
        ("-1.5h", -5400),
        ("+5s", 5),
        (".5s", 0.5),
        ("1.s", 1),
        ("250ms", 0.25),
        ("5µs", 5e-6),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'time: invalid duration ""'),
        ("s", 'time: invalid duration "s"'),
        ("-", 'time: invalid duration "-"'),
        ("1", 'time: missing unit in duration "1"'),
        ("1x", 'time: unknown unit "x" in duration "1x"'),
        ("1d", 'time: unknown unit "d" in duration "1d"'),
        ("١s", 'time: invalid duration "١s"'),
    ],
)
def test_bad_durations_are_refused_in_gos_words(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_duration(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (90, "1m30s"), (3600, "1h0m0s"), (1.5, "1.5s"), (0.25, "250ms"), (-2, "-2s")],
)
def test_durations_are_written_as_go_does(seconds: float, text: str) -> None:
    assert format_duration(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (119, "119s"),
        (120, "2m"),
        (182, "3m2s"),
        (600, "10m"),
        (10799, "179m"),
        (10800, "3h"),
        (12000, "3h20m"),
        (28800, "8h"),
        (172800, "2d"),
        (180000, "2d2h"),
        (691200, "8d"),
        (63072000, "2y"),
        (66528000, "2y40d"),
        (252288000, "8y"),
    ],
)
def test_ages(seconds: int, text: str) -> None:
    assert human_duration(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", "1"),
        ("100m", "0.1"),
        ("1.5Gi", "1610612736"),
        ("2e3", "2000"),
        ("2E3", "2000"),
        ("1E", "1e18"),
        ("1Ei", str(2**60)),
        ("-1k", "-1000"),
        (".5", "0.5"),
        ("1.", "1"),
        ("1n", "1e-9"),
    ],
)
def test_quantities(text: str, number: str) -> None:
    assert parse_quantity(text) == Decimal(number)


@pytest.mark.parametrize(
    "text", ["", "1K", "1e", "1e3Mi", "1 ", "1\n", "x", "--1", "١", "1.2.3", "Gi"]
)
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="quantities must match"):
        parse_quantity(text)
