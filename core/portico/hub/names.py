"""Names of labs in addresses, made from what users call them, and back: pure functions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

LENGTH = 20
"""Letters of a name: it is part of the lab's address, and of cookies' names."""


def slug(title: str) -> str:
    """A name that JupyterHub, cookies and addresses take: letters, digits and single hyphens, beginning with a letter."""
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", title.lower()) if not unicodedata.combining(letter))
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    if not words:
        return "lab"
    return (words if words[0].isalpha() else f"lab-{words}")[:LENGTH].strip("-")


def free_name(title: str, taken: Collection[str]) -> str:
    """A name for a new lab that none of the user's has: `flow`, `flow-2`, `flow-3`."""
    wanted = slug(title)
    if wanted not in taken:
        return wanted
    numbers = (f"-{number}" for number in range(2, len(taken) + 3))
    return next(name for end in numbers if (name := wanted[: LENGTH - len(end)].rstrip("-") + end) not in taken)


def untitled(name: str) -> str:
    """What a lab is called to which its user gave no title: `lab-2` is "Lab 2"."""
    return name.replace("-", " ").capitalize()
