"""Names of labs in addresses, made from what users call them, and back: pure functions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence

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


def language(header: str, offered: Sequence[str]) -> str:
    """The best of the offered languages (the first is the portal's own) for an `Accept-Language` header, RFC 9110, 12.5.4."""
    wanted = []
    for part in header[:400].split(","):
        tag, _, parameter = part.strip().partition(";")
        try:
            quality = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        wanted.append((quality, tag.strip().lower().split("-")[0]))
    best = sorted((item for item in wanted if item[1] in offered and item[0] > 0), key=lambda item: -item[0])
    return best[0][1] if best else offered[0]
