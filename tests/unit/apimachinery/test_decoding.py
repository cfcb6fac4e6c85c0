import pytest

from wakeful.apimachinery.decoding import decode_json, decode_yaml
from wakeful.apimachinery.errors import BadRequestError


def test_json_members_given_twice_are_found() -> None:
    decoded = decode_json(b'{"a":1,"b":{"c":1,"c":2},"l":[{"x":1,"x":2,"x":3}],"a":3}')
    assert decoded.data == {"a": 3, "b": {"c": 2}, "l": [{"x": 3}]}
    assert decoded.duplicates == ["a", "b.c", "l[0].x"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a": NaN}',
        b'"\\ud800"',
        b"\xff",
        b"[" * 100_000,
        b"[" * 500 + b"]" * 500,
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
    ],
)
def test_what_is_no_json_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadRequestError):
        decode_json(body)


def test_yaml_becomes_json() -> None:
    decoded = decode_yaml(b"a: 2020-01-01\nb: [1, 2.5, yes, null]\n7: x\ntrue: y\nn: {c: 'd'}\n")
    assert decoded.data == {
        "a": "2020-01-01",
        "b": [1, 2.5, True, None],
        "7": "x",
        "true": "y",
        "n": {"c": "d"},
    }
    assert decode_yaml(b'{"a": {"b": 1}}').data == {"a": {"b": 1}}
    assert decode_yaml(b"{a: 1}").data == {"a": 1}
    assert decode_yaml(b"a: 1\nb:\n  c: 1\n  c: 2\n").duplicates == ["b.c"]
    assert decode_yaml(b"a: &x {k: 1}\nb: *x\n").data == {"a": {"k": 1}, "b": {"k": 1}}


BOMB = b"a0: &a0 [x]\n" + b"".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n".encode() for i in range(1, 9)
)


@pytest.mark.parametrize(
    "body",
    [
        b"a: [",
        b"a: .nan",
        b"a: 1\n---\nb: 2\n",
        b"a: &a [*a]",
        b"? [x]\n: y",
        b"a: !!python/object:os.system x",
        b"\xff\xfe",
        b"a: !!set {x}",
        b"[" * 3000,
        b"a: " + b"- " * 3000 + b"1",
        BOMB,
    ],
)
def test_yaml_without_a_json_form_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadRequestError):
        decode_yaml(body)
