from datetime import UTC, datetime
from typing import Any

import pytest

from wakeful.apimachinery.jsonpath import JSONPathError, compile_path
from wakeful.apimachinery.scheme import AGE, Column
from wakeful.apimachinery.tables import column_definitions, render_cell, render_row

OBJ: dict[str, Any] = {
    "metadata": {
        "name": "hello",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "annotations": {"example.com/x": "dotted"},
        "labels": {"a-b": "c"},
    },
    "spec": {
        "replicas": 3,
        "paused": False,
        "containers": [{"name": "a", "image": "x", "n": 1}, {"name": "b", "image": "y", "n": 2}],
    },
    "status": {
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "Other", "status": "False"}],
        "url": "http://hello",
        "bad": "yesterday",
    },
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (".status.url", ["http://hello"]),
        ("{.status.url}", ["http://hello"]),
        ("status.url", ["http://hello"]),
        ("$.status.url", ["http://hello"]),
        (".status['url']", ["http://hello"]),
        ("['status'].url", ["http://hello"]),
        (r".metadata.annotations.example\.com/x", ["dotted"]),
        (".metadata.annotations['example.com/x']", ["dotted"]),
        (".metadata.labels.a-b", ["c"]),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        (".status.conditions[?(@.type=='Ready')].status", ["True"]),
        ('.status.conditions[?(@.type == "Other")].status', ["False"]),
        ('.status.conditions[?(@.type != "Ready")].type', ["Other"]),
        (".spec.containers[*].image", ["x", "y"]),
        (".spec.containers[0].image", ["x"]),
        (".spec.containers[-1].image", ["y"]),
        (".spec.containers[9].image", []),
        (".spec.containers[0:1].name", ["a"]),
        (".spec.containers[1:].name", ["b"]),
        (".spec.containers[0,1].name", ["a", "b"]),
        (".spec.containers[0]['name','image']", ["a", "x"]),
        (".spec.containers[?(@.n>1)].name", ["b"]),
        (".spec.containers[?(@.n<=1)].name", ["a"]),
        (".spec.containers[?(@.missing)].name", []),
        (".spec.containers[?(@.name)].name", ["a", "b"]),
        ("..image", ["x", "y"]),
        (".metadata.labels.*", ["c"]),
        (".missing.deep", []),
        (".spec.replicas.deeper", []),
        (".spec.paused", [False]),
        ("$", [OBJ]),
        ("{@}", [OBJ]),
    ],
)
def test_find(path: str, expected: list[Any]) -> None:
    assert compile_path(path).find(OBJ) == expected
    assert compile_path(path).first(OBJ) == (expected[0] if expected else None)


@pytest.mark.parametrize(
    "path", ["{.a", ".a[", ".a[x]", ".a[?x]", ".a b", ".a[?(b==c)]", ".a[0:1:0]", "..", ".a[]"]
)
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(JSONPathError):
        compile_path(path)


def test_put_makes_the_way() -> None:
    data: dict[str, Any] = {}
    compile_path(".spec.replicas").put(data, 2)
    assert data == {"spec": {"replicas": 2}}
    with pytest.raises(JSONPathError):
        compile_path(".spec.replicas.deep").put(data, 2)
    with pytest.raises(JSONPathError):
        compile_path(".spec.list[0]").put(data, 2)


NOW = datetime(2026, 1, 1, 0, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        (Column("URL", ".status.url"), "http://hello"),
        (Column("Images", ".spec.containers[*].image"), "x,y"),
        (Column("First", ".spec.containers[0]"), '{"name":"a","image":"x","n":1}'),
        (Column("Paused", ".spec.paused"), "false"),
        (Column("Paused", ".spec.paused", type="boolean"), False),
        (Column("N", ".spec.replicas", type="integer"), 3),
        (Column("N", ".spec.replicas"), "3"),
        (Column("N", ".status.url", type="integer"), None),
        (Column("N", ".spec.paused", type="integer"), None),
        (Column("Gone", ".status.gone"), None),
        (Column("Broken", ".status["), None),
        (Column("When", ".status.bad", type="date"), "<invalid>"),
        (Column("Computed", lambda obj, now: (obj["kind"], now.year)), None),
        (AGE, "3m2s"),
    ],
)
def test_cells(column: Column, cell: Any) -> None:
    if column.name == "Computed":
        assert render_cell(column, {"kind": "K"}, NOW) == ("K", 2026)
    else:
        assert render_cell(column, OBJ, NOW) == cell


def test_rows_start_with_the_name() -> None:
    columns = (Column("URL", ".status.url", wide=True), AGE)
    assert render_row(columns, OBJ, NOW) == ["hello", "http://hello", "3m2s"]
    definitions = column_definitions(columns)
    assert [d["name"] for d in definitions] == ["Name", "URL", "Age"]
    assert [d["priority"] for d in definitions] == [0, 1, 0]
    assert definitions[0]["format"] == "name"
