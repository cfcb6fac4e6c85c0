"""Who waits for whom."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wakeful.apis.pipeline import Matrix, PipelineTask
from wakeful.apis.pipeline.graph import InvalidGraphError, build_graph, dependencies
from wakeful.pipelines.matrix import count_rows, rows_of
from wakeful.pipelines.names import run_names
from wakeful.testing.pipelines import read


def a_task(text: str) -> PipelineTask:
    return PipelineTask.from_wire(read(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{runAfter: [b, a]}", ["a", "b"]),
        (
            '{params: [{name: p, value: "$(tasks.a.results.r) $(tasks.b.results.r[0])"}]}',
            ["a", "b"],
        ),
        ('{params: [{name: p, value: {k: "$(tasks.a.results.r.k)"}}]}', ["a"]),
        ('{params: [{name: p, value: "$(tasks.a.matrix.length)"}]}', ["a"]),
        ('{params: [{name: p, value: "$(tasks.a.matrix.r.length)"}]}', ["a"]),
        ('{matrix: {params: [{name: p, value: "$(tasks.a.results.r[*])"}]}}', ["a"]),
        ('{matrix: {include: [{params: [{name: p, value: "$(tasks.a.results.r)"}]}]}}', ["a"]),
        ('{when: [{input: x, operator: in, values: ["$(tasks.a.results.r[*])"]}]}', ["a"]),
        ("{when: [{cel: \"'$(tasks.a.results.r)' == 'x'\"}]}", ["a"]),
        ('{taskSpec: {steps: [{script: "echo $(tasks.a.results.r)"}]}}', ["a"]),
        ('{taskSpec: {steps: [{args: ["$(tasks.a.outputs.image)"]}]}}', ["a"]),
        ("{legacy: {inputs: [{name: i, resource: r, from: [a]}]}}", ["a"]),
        ('{params: [{name: p, value: "$(tasks.a.status) $(params.x)"}]}', []),
    ],
)
def test_edges_come_from_everything_a_task_uses(text: str, expected: list[str]) -> None:
    assert dependencies(a_task(text)) == expected


def test_tasks_are_ready_when_their_parents_are_done() -> None:
    graph = build_graph(
        [a_task("{name: a}"), a_task("{name: b, runAfter: [a]}"), a_task("{name: c}")]
    )

    assert graph.ready([]) == {"a", "c"}
    assert graph.ready(["a"]) == {"b", "c"}
    assert graph.ready(["a", "b", "c"]) == set()


def test_a_circle_is_named_by_its_first_task() -> None:
    tasks = [
        a_task("{name: z, runAfter: [y]}"),
        a_task("{name: y, runAfter: [z]}"),
        a_task("{name: free}"),
    ]

    with pytest.raises(InvalidGraphError, match='cycle detected; task "y" depends on "z"'):
        build_graph(tasks)


edges = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=25)


@given(edges)
def test_every_graph_without_a_circle_can_be_walked(pairs: list[tuple[int, int]]) -> None:
    """Taking whatever is ready, each task comes once, after its parents."""
    waits: dict[int, set[int]] = {n: set() for n in range(10)}
    for one, other in pairs:
        waits[max(one, other)].add(min(one, other))
        waits[max(one, other)].discard(max(one, other))
    tasks = [
        PipelineTask(name=f"t{n}", run_after=[f"t{p}" for p in sorted(parents)])
        for n, parents in waits.items()
    ]
    graph, done = build_graph(tasks), list[str]()
    while ready := graph.ready(done):
        assert all(set(graph.parents[name]) <= set(done) for name in ready)
        done += sorted(ready)

    assert sorted(done) == sorted(t.name for t in tasks)
    assert len(graph.in_order()) == len(tasks)


@given(edges)
def test_circles_are_found_however_they_lie(pairs: list[tuple[int, int]]) -> None:
    waits: dict[int, set[int]] = {n: {(n + 1) % 10} if n in (3, 4, 5) else set() for n in range(10)}
    for one, other in pairs:
        waits[one].add(other)
    waits[6].add(3)
    tasks = [
        PipelineTask(name=f"t{n}", run_after=[f"t{p}" for p in parents])
        for n, parents in waits.items()
    ]

    with pytest.raises(InvalidGraphError, match="cycle detected"):
        build_graph(tasks)


# --- fan-out --------------------------------------------------------------------------------------


def rows(text: str) -> list[dict[str, object]]:
    return [{p.name: p.value for p in row} for row in rows_of(Matrix.from_wire(read(text)))]


def test_the_first_parameter_varies_fastest() -> None:
    text = "{params: [{name: os, value: [linux, mac]}, {name: v, value: ['1', '2']}]}"

    assert [(r["os"], r["v"]) for r in rows(text)] == [
        ("linux", "1"),
        ("mac", "1"),
        ("linux", "2"),
        ("mac", "2"),
    ]


def test_included_rows_add_to_rows_they_match_or_stand_alone() -> None:
    found = rows(
        """
        params: [{name: os, value: [linux, mac]}]
        include:
        - {params: [{name: os, value: linux}, {name: extra, value: e}]}
        - {params: [{name: everywhere, value: w}]}
        - {params: [{name: os, value: windows}]}
        """
    )

    assert found == [
        {"os": "linux", "extra": "e", "everywhere": "w"},
        {"os": "mac", "everywhere": "w"},
        {"os": "windows"},
    ]


def test_only_included_rows_are_rows() -> None:
    assert rows(
        "{include: [{params: [{name: a, value: x}]}, {params: [{name: a, value: y}]}]}"
    ) == [
        {"a": "x"},
        {"a": "y"},
    ]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=4))
def test_rows_are_counted_without_being_made(sizes: list[int]) -> None:
    matrix = Matrix.from_wire(
        {"params": [{"name": f"p{i}", "value": ["v"] * n} for i, n in enumerate(sizes)]}
    )

    assert count_rows(matrix) == len(rows_of(matrix))


def test_names_of_runs_fit_and_end_in_their_row() -> None:
    long = "x" * 60

    assert run_names("r", "t", 1) == ["r-t"]
    assert run_names("r", "t", 2) == ["r-t-0", "r-t-1"]
    assert [len(n) <= 63 and n.endswith(f"-{i}") for i, n in enumerate(run_names(long, long, 12))]
    assert len(set(run_names(long, long, 12))) == 12
