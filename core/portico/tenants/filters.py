"""The filters and tests that templates have, each with its price: what it goes through unseen draws on the page's `budget`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sized
from datetime import datetime
from functools import wraps
from typing import Any, cast

import jinja2.tests
from jinja2 import pass_context, pass_eval_context
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS, do_join
from jinja2.nodes import EvalContext
from jinja2.runtime import Context

from portico.tenants import budget

FILTER_NAMES = (
    "abs", "capitalize", "count", "d", "default", "dictsort", "e", "escape", "first", "float", "int", "items", "last", "length", "list",
    "lower", "map", "max", "min", "reject", "rejectattr", "select", "selectattr", "sort", "string", "striptags", "sum", "title", "trim",
    "truncate", "unique", "upper", "urlencode", "wordcount",
)  # fmt: skip
TEST_NAMES = (
    "!=", "<", "<=", "==", ">", ">=", "boolean", "defined", "divisibleby", "eq", "equalto", "even", "false", "float", "ge", "gt", "in",
    "integer", "iterable", "le", "lower", "lt", "mapping", "ne", "none", "number", "odd", "sequence", "string", "true", "undefined",
    "upper",
)  # fmt: skip

LENGTH_PER_STEP = 100
"""Characters or items that a filter goes through for one step of the budget."""
ITEM_BY_ITEM = frozenset({"dictsort", "max", "min", "sort", "sum", "unique"})
"""Filters that do something with each item: one step for each."""


def _charged(function: Callable[..., Any], per_step: int = LENGTH_PER_STEP) -> Callable[..., Any]:
    """A filter or test that draws on the budget before it runs: by the size of what it is given, since it goes through that unseen."""
    position = 1 if hasattr(function, "jinja_pass_arg") else 0

    @wraps(function)  # keeps Jinja's mark of what the filter wants to be passed first
    def charged(*args: Any, **kwargs: Any) -> Any:
        value = args[position] if len(args) > position else None
        budget.current().charge(1 + len(value) // per_step if isinstance(value, Sized) else 1)
        return function(*args, **kwargs)

    return charged


@pass_context
def _counted(context: Context, items: Any) -> Any:
    rendering = budget.current()
    if not isinstance(items, Sized):
        collected = []
        for item in items:
            rendering.charge()
            collected.append(item)
        return collected
    rendering.charge(len(items) + 1)
    return items


@pass_context
def _sized(context: Context, text: str) -> str:
    budget.current().charge()
    return budget.sized(text)


@pass_context
def _stepped(context: Context, value: Any) -> Any:
    budget.current().charge()
    return value


@pass_eval_context
def _join(eval_ctx: EvalContext, items: Iterable[Any], separator: str = "", attribute: str | int | None = None) -> Any:
    listed = list(items)
    budget.current().charge(len(listed))
    total = sum(len(item) for item in listed if isinstance(item, str)) + len(listed) * len(separator)
    if total > budget.TEXT:
        raise budget.TooMuch(f"A text is longer than {budget.TEXT:,} characters.")
    return do_join(eval_ctx, listed, separator, attribute)


def _round(value: float, digits: int = 0) -> float:
    if not 0 <= digits <= 9:
        raise SecurityError("A number is rounded to 0 to 9 digits.")
    return round(value, digits) if digits else round(value)


def _datetime(value: datetime | None) -> str:
    """`2026-01-31 14:05 UTC`; nothing for None."""
    return "" if value is None else f"{value.year:04}-{value.month:02}-{value.day:02} {value.hour:02}:{value.minute:02} UTC"


def _iso(value: datetime | None) -> str:
    """For a `datetime` attribute; nothing for None."""
    return "" if value is None else value.isoformat()


def _lines(value: str) -> list[str]:
    """The lines of a text that aren't empty, for paragraphs and lists."""
    return [line.strip() for line in str(value).splitlines() if line.strip()]


_OWN: dict[str, Callable[..., Any]] = {
    "counted": _counted,
    "datetime": _datetime,
    "iso": _iso,
    "join": _join,
    "lines": _charged(_lines),
    "round": _round,
    "sized": _sized,
    "stepped": _stepped,
}

ALL: Mapping[str, Callable[..., Any]] = {
    **{name: _charged(FILTERS[name], 1 if name in ITEM_BY_ITEM else LENGTH_PER_STEP) for name in FILTER_NAMES},
    **_OWN,
}
"""The filters by their names."""
TESTS: Mapping[str, Callable[..., Any]] = {name: _charged(cast("Callable[..., Any]", jinja2.tests.TESTS[name])) for name in TEST_NAMES}
"""The tests by their names."""
