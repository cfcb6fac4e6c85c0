"""What is said of files that hold no manifest."""

from __future__ import annotations

from pathlib import Path

import pytest

from wakeful.cli.files import ManifestError, read_manifests

SERVICE = "apiVersion: serving.knative.dev/v1\nkind: Service\n"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: [", "expected the node content"),
        ("foo: bar\n", "document 1 is no object: it has no kind"),
        ("- a\n", "document 1 is no object: it has no kind"),
        (SERVICE, "document 1 (Service): metadata.name is missing"),
        (SERVICE + "metadata: hello\n", "document 1 (Service): metadata.name is missing"),
        (SERVICE + "metadata: {}\n", "document 1 (Service): metadata.name is missing"),
        ("kind: List\nitems: [1]\n", "document 1, items[0] is no object: it has no kind"),
    ],
)
def test_a_fault_is_told_with_its_file_and_document(tmp_path: Path, text: str, fault: str) -> None:
    """Whoever applies a directory has to know where to look."""
    path = tmp_path / "a.yaml"
    path.write_text(text)

    with pytest.raises(ManifestError) as refused:
        read_manifests([str(path)])

    assert str(path) in str(refused.value)
    assert fault in str(refused.value)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    """In a directory, too."""
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ManifestError, match="not a text file"):
        read_manifests([str(tmp_path)])


def test_lists_are_taken_apart(tmp_path: Path) -> None:
    """As kubectl does."""
    path = tmp_path / "list.yaml"
    path.write_text("kind: List\nitems:\n- {kind: Pod, metadata: {name: a}}\n---\n")

    assert [item["metadata"]["name"] for item in read_manifests([str(path)])] == ["a"]
