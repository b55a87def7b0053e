"""Nothing leads out of a storage."""

from __future__ import annotations

from pathlib import Path

import pytest
from portico.demo.site.files import PathError, Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    root = tmp_path / "root"
    (root / "below").mkdir(parents=True)
    (root / "file").write_text("content")
    (tmp_path / "secret").write_text("secret")
    (root / "away").symlink_to(tmp_path)
    (root / "leak").symlink_to(tmp_path / "secret")
    (root / "inside").symlink_to("file")
    return Tree(root)


@pytest.mark.parametrize("path", ["../secret", "below/../../secret", "..", "away/secret", "leak", "away/new", "a\0b", "/../secret"])
def test_a_path_that_leads_out_is_refused(tree: Tree, path: str) -> None:
    for operation in (tree.resolve, tree.properties, tree.delete, tree.make_directory, lambda path: tree.write(path, b"")):
        with pytest.raises(PathError):
            operation(path)
    assert (tree.root.parent / "secret").read_text() == "secret"


@pytest.mark.parametrize("path", ["file", "/file", "//file", "below/new", "inside", "", "/"])
def test_a_path_below_is_found(tree: Tree, path: str) -> None:
    assert tree.resolve(path).resolve().is_relative_to(tree.root)


def test_the_storage_itself_stays(tree: Tree) -> None:
    with pytest.raises(PathError):
        tree.delete("/")


def test_a_directory_lists_what_is_in_it(tree: Tree) -> None:
    shown = tree.properties("/")

    assert set(shown["content"]) == {"/below/", "/file", "/away", "/leak", "/inside"}
    assert shown["content"]["/file"]["size"] == 7
