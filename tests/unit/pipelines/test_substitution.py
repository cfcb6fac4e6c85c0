"""Variables in texts, lists and values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wakeful.apis.pipeline import (
    Param,
    ParamSpec,
    Step,
    StepActionSpec,
    TaskRun,
    TaskSpec,
    WhenExpression,
)
from wakeful.apis.pipeline.references import parse_result, variables_in
from wakeful.pipelines.errors import RunFailedError
from wakeful.pipelines.params import ParamError, effective_params, replacements_of
from wakeful.pipelines.stepactions import apply_step_action
from wakeful.pipelines.substitution import Replacements
from wakeful.pipelines.tasks import check_task_run, merge_step_template, resolve_task
from wakeful.testing.pipelines import read

PARAMS = [
    Param(name="s", value="text"),
    Param(name="with.dots", value="dotted"),
    Param(name="a", value=["x", "y"]),
    Param(name="o", value={"k": "v"}),
]
TABLE = replacements_of(PARAMS, in_task=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(params.s)", "text"),
        ("$(params[\"with.dots\"]) $(params['s'])", "dotted text"),
        ("$(inputs.params.s) ${inputs.params.s} ${params.s}", "text text text"),
        ("$(params.a[1]) $(params.o.k)", "y v"),
        ("--flags=$(params.a[*])", "--flags=x y"),
        ("$(params.unknown) $(date) ${HOME} ${s} $$ $((1 + 1))", None),
        ("$$(params.s)", "$text"),
        ("$(echo $(params.s))", "$(echo text)"),
        ("$(params.a[7])", None),
        ("", ""),
    ],
)
def test_texts(text: str, expected: str | None) -> None:
    assert TABLE.text(text) == (text if expected is None else expected)


def test_lists_take_the_items_of_a_list() -> None:
    assert TABLE.items(["-x", "$(params.a[*])", "$(params.a)", "$(params.s)"]) == [
        "-x", "x", "y", "x", "y", "text",
    ]  # fmt: skip


def test_values_change_their_type_when_a_variable_stands_alone() -> None:
    assert TABLE.value("$(params.a[*])") == ["x", "y"]
    assert TABLE.value("$(params.o[*])") == {"k": "v"}
    assert TABLE.value({"n": "$(params.s)"}) == {"n": "text"}
    assert TABLE.value(["$(params.a[*])", "z"]) == ["x", "y", "z"]


def test_conditions_see_lists_as_json() -> None:
    when = WhenExpression(input="$(params.a[*])", operator="in", values=["$(params.a[*])", "z"])

    replaced = TABLE.when([when])[0]

    assert replaced.input == '["x","y"]'
    assert replaced.values == ["x", "y", "z"]


@given(st.text(alphabet="$(){}paramsxy.[]*'\" \n", max_size=40), st.text(max_size=10))
def test_a_value_is_never_looked_into_again(text: str, value: str) -> None:
    """One pass: replacing again by a table without new names changes what is new only."""
    table = Replacements({"params.x": value})
    marked = Replacements({"params.x": "\x00"})

    assert table.text(text) == marked.text(text).replace("\x00", value)


@given(st.text(max_size=60))
def test_a_text_without_known_variables_stays(text: str) -> None:
    assert Replacements({"params.known": "x"}).text(text.replace("known", "")) == text.replace(
        "known", ""
    )


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_][a-z0-9_-]{0,8}", fullmatch=True),
        st.one_of(st.text(max_size=8), st.lists(st.text(max_size=5), max_size=3)),
        max_size=5,
    )
)
def test_every_parameter_can_be_had_in_every_form(values: dict[str, str | list[str]]) -> None:
    table = replacements_of([Param(name=n, value=v) for n, v in values.items()], in_task=True)
    for name, value in values.items():
        for form in (f"params.{name}", f'params["{name}"]', f"params['{name}']"):
            assert table.value(f"$({form})") == value


# --- reading --------------------------------------------------------------------------------------


def test_variables_and_results_are_found_in_texts() -> None:
    text = "$(params.a) $(tasks.t.results.r[0]) $(tasks.t.results['r.x'].k) $(echo hi) ${X}"

    assert variables_in(text) == ["params.a", "tasks.t.results.r[0]", "tasks.t.results['r.x'].k"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("tasks.t.results.r", ("t", "r", None, False, "")),
        ("tasks.t.results.r[3]", ("t", "r", 3, False, "")),
        ("tasks.t.results.r[*]", ("t", "r", None, True, "")),
        ("tasks.t.results.r.key", ("t", "r", None, False, "key")),
        ('tasks.t.results["a.b"]', ("t", "a.b", None, False, "")),
        ("steps.s.results.r", ("s", "r", None, False, "")),
        ("tasks.t.status", None),
        ("tasks.t.results", None),
        ("params.x", None),
    ],
)
def test_results_are_read(expression: str, expected: tuple[object, ...] | None) -> None:
    ref = parse_result(expression)

    found = ref and (ref.owner, ref.result, ref.index, ref.is_whole, ref.key)
    assert found == expected


# --- defaults -------------------------------------------------------------------------------------


def test_defaults_may_use_other_parameters_and_objects_are_merged() -> None:
    specs = [
        ParamSpec(name="b", default="$(params.a)!"),
        ParamSpec(name="a", default="$(params.o.k)"),
        ParamSpec(name="o", type="object", default={"k": "v", "l": "w"}),
        ParamSpec(name="list", type="array", default=["$(params.a)"]),
    ]

    params = effective_params(specs, [Param(name="o", value={"k": "given"})])

    assert {p.name: p.value for p in params} == {
        "o": {"k": "given", "l": "w"},
        "a": "given",
        "b": "given!",
        "list": ["given"],
    }


def test_defaults_may_not_go_too_deep() -> None:
    specs = [ParamSpec(name=f"p{i}", default=f"$(params.p{i + 1})") for i in range(20)]

    with pytest.raises(ParamError, match=r"maximum recursion depth \(10\) exceeded"):
        effective_params(specs, [])


# --- whole tasks ----------------------------------------------------------------------------------

TASK = """
params: [{name: who, type: string, default: world}, {name: list, type: array, default: [a, b]},
  {name: ran, type: string, default: "$(context.taskRun.name)"}]
results: [{name: sum, description: "not $(params.who)"}]
workspaces: [{name: src}, {name: cache, optional: true}, {name: at, mountPath: /mnt/$(params.who)}]
stepTemplate:
  env: [{name: A, value: "1"}, {name: B, value: "$(params.who)"}]
  workingDir: /tmp
  computeResources: {requests: {cpu: 1m}}
volumes: [{name: v, configMap: {name: "$(params.who)-map"}}]
sidecars: [{name: db, image: "db:$(params.who)"}]
steps:
- name: one
  image: img
  args: ["$(params.list[*])", "$(params.list[1])"]
  env: [{name: A, value: "2"}]
  results: [{name: out}]
  script: |
    $(context.task.name) $(context.taskRun.uid) $(context.task.retry-count) $(params.ran)
    $(results.sum.path) $(step.results.out.path) $(steps.step-one.exitCode.path)
    $(workspaces.src.path) $(workspaces.src.claim) $(workspaces.src.volume) $(credentials.path)
    [$(workspaces.cache.path)] $(workspaces.cache.bound) $(workspaces.at.path)
    $(workspaces.extra.path) $(steps.one.results.out)
- image: img
  workspaces: [{name: src, mountPath: /own}]
  script: $(workspaces.src.path)
"""


def a_run(**spec: object) -> TaskRun:
    return TaskRun.from_wire(
        {
            "metadata": {"name": "run", "namespace": "ns", "uid": "u"},
            "spec": {
                "workspaces": [
                    {"name": "src", "persistentVolumeClaim": {"claimName": "claim"}},
                    {"name": "at", "emptyDir": {}},
                    {"name": "extra", "emptyDir": {}},
                ],
                **spec,
            },
        }
    )


def test_a_task_has_every_variable_replaced_but_results_of_steps() -> None:
    spec = TaskSpec.from_wire(read(TASK))

    done = resolve_task(a_run(), spec, task_name="t", volumes={"src": "ws-1"})

    assert done.steps[0].script == (
        "t u 0 run\n"
        "/tekton/results/sum /tekton/steps/step-one/results/out /tekton/steps/step-one/exitCode\n"
        "/workspace/src claim ws-1 /tekton/creds\n"
        "[] false /mnt/world\n"
        "/workspace/extra $(steps.one.results.out)\n"
    )
    assert done.steps[0].args == ["a", "b", "b"]
    assert done.steps[1].script == "/own"
    assert done.volumes[0].config_map is not None
    assert done.volumes[0].config_map.name == "world-map"
    assert done.sidecars[0].image == "db:world"
    assert done.results[0].description == "not $(params.who)"
    assert [w.name for w in done.workspaces] == ["src", "cache", "at", "extra"]
    assert spec == TaskSpec.from_wire(read(TASK)), "the task itself is left alone"


def test_steps_start_from_the_template() -> None:
    done = merge_step_template(TaskSpec.from_wire(read(TASK)))

    assert [(e.name, e.value) for e in done.steps[0].env] == [("B", "$(params.who)"), ("A", "2")]
    assert [(e.name, e.value) for e in done.steps[1].env] == [("A", "1"), ("B", "$(params.who)")]
    assert done.steps[1].working_dir == "/tmp"
    assert done.steps[0].compute_resources.requests == {"cpu": "1m"}


@pytest.mark.parametrize(
    ("spec", "run", "reason", "text"),
    [
        (
            {"params": [{"name": "p"}]},
            {},
            "TaskRunValidationFailed",
            "[User error] invalid input params for task t: missing values for these params which"
            " have no default values: [p]",
        ),
        (
            {"params": [{"name": "p", "type": "array"}]},
            {"params": [{"name": "p", "value": "x"}]},
            "TaskRunValidationFailed",
            "param types don't match the user-specified type: [p]",
        ),
        (
            {"params": [{"name": "p", "enum": ["a"]}]},
            {"params": [{"name": "p", "value": "x"}]},
            "InvalidParamValue",
            "param `p` value: x is not in the enum list",
        ),
        (
            {"params": [{"name": "p", "type": "array"}], "steps": [{"args": ["$(params.p[9])"]}]},
            {"params": [{"name": "p", "value": ["x"]}]},
            "TaskRunValidationFailed",
            "non-existent param references:[$(params.p[9])]",
        ),
        (
            {"workspaces": [{"name": "w"}]},
            {"workspaces": []},
            "TaskRunValidationFailed",
            'declared workspace "w" is required but has not been bound',
        ),
        (
            {},
            {"workspaces": [{"name": "w", "emptyDir": {}}]},
            "TaskRunValidationFailed",
            'workspace binding "w" does not match any declared workspace',
        ),
        (
            {},
            {"workspaces": [], "stepSpecs": [{"name": "x"}]},
            "TaskRunValidationFailed",
            "invalid StepOverride: No Step named x",
        ),
    ],
)
def test_a_run_that_does_not_fit_its_task_fails(
    spec: dict[str, object], run: dict[str, object], reason: str, text: str
) -> None:
    with pytest.raises(RunFailedError) as caught:
        check_task_run(a_run(**{"workspaces": [], **run}), TaskSpec.from_wire(spec), "t")

    assert caught.value.reason == reason
    assert text in caught.value.message


def test_old_tasks_take_a_text_for_a_list() -> None:
    """As in the book, whose pipeline hands ``--set`` to a list and uses it inside a text."""
    spec = TaskSpec.from_wire(
        {
            "params": [{"name": "flags", "type": "array"}],
            "legacy": {"inputs": [{"name": "src", "type": "git"}]},
            "steps": [{"args": ["run ${inputs.params.flags} now"]}],
        }
    )
    run = a_run(workspaces=[], params=[{"name": "flags", "value": "--set"}])

    check_task_run(run, spec, "t")
    done = resolve_task(run, spec, task_name="t", volumes={})

    assert done.steps[0].args == ["run --set now"]


# --- step actions ---------------------------------------------------------------------------------

ACTION = """
image: "img:$(params.tag)"
params: [{name: tag, type: string, default: latest}, {name: all, type: array, default: [x]},
  {name: obj, type: object, properties: {k: {type: string}}, default: {k: v}}]
args: ["$(params.all[*])", "$(params.all[0])", "$(params.obj.k)"]
results: [{name: out}]
script: ""
"""


def test_a_step_takes_the_place_of_its_action() -> None:
    step = Step.from_wire(
        read(
            """
            name: s
            ref: {name: action}
            onError: continue
            params:
            - {name: tag, value: "$(params.version)"}
            - {name: all, value: "$(steps.one.results.list[*])"}
            """
        )
    )

    made = apply_step_action(
        step, StepActionSpec.from_wire(read(ACTION)), [Param(name="version", value="2")]
    )

    assert (made.name, made.image, made.on_error, made.ref) == ("s", "img:2", "continue", None)
    assert made.args == ["$(steps.one.results.list[*])", "$(steps.one.results.list[0])", "v"]
    assert [r.name for r in made.results] == ["out"]


def test_a_step_gives_its_action_what_it_needs_and_no_more() -> None:
    action = StepActionSpec.from_wire({"image": "i", "params": [{"name": "a", "type": "string"}]})
    given = Step.from_wire({"ref": {"name": "x"}, "params": [{"name": "b", "value": "v"}]})

    with pytest.raises(RunFailedError, match=r"extra params passed by Step to StepAction: \[b\]"):
        apply_step_action(given, action, [])
    with pytest.raises(RunFailedError, match=r"non-existent params in Step: \[a\]"):
        apply_step_action(Step.from_wire({"ref": {"name": "x"}}), action, [])
