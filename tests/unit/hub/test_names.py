"""Names of labs."""

import pytest
from jupyterhub.slugs import is_valid_safe_slug
from portico.hub.names import free_name, slug, untitled


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Flow", "flow"),
        ("Grover's search", "grover-s-search"),
        ("Größe in µm", "große-in-µm"),
        ("", "lab"),
        ("!!!", "lab"),
        ("42", "lab-42"),
        ("a" * 50, "a" * 20),
        ("exactly nineteen ab cd", "exactly-nineteen-ab"),
        ("../../etc/passwd", "etc-passwd"),
        ("名前", "lab"),
    ],
)
def test_a_title_becomes_a_name_that_jupyterhub_takes(title: str, name: str) -> None:
    made = slug(title)
    assert is_valid_safe_slug(made)
    assert len(made) <= 20
    if title.isascii():
        assert made == name


@pytest.mark.parametrize(("name", "shown"), [("lab", "Lab"), ("lab-2", "Lab 2"), ("grover-s-search", "Grover s search")])
def test_a_lab_without_a_title_is_called_by_its_name(name: str, shown: str) -> None:
    assert untitled(name) == shown


def test_a_second_lab_of_the_same_title_has_a_name_of_its_own() -> None:
    taken: list[str] = []
    for _ in range(12):
        taken.append(free_name("A title of twenty ch", taken))
    assert len(set(taken)) == 12
    assert all(is_valid_safe_slug(name) and len(name) <= 20 for name in taken)
