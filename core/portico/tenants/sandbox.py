"""The Jinja environment in which all portal templates run, those of themes and those of tenants.

It guarantees: output is escaped, always; a template reaches the fields of frozen views, a short list of filters, tests and text methods,
and nothing else; what it costs is bounded by `budget`; nothing is evaluated while it is compiled. Where a name comes from is decided by
`Sources`: the nearest layer that has it, and with `theme:` before it the nearest layer below the one that asks.

What it leaves to others: values (`views`), limits on the compiling process (`judge`).
"""

from __future__ import annotations

import dataclasses
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import CodeType
from typing import Any, NamedTuple

from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateNotFound, TemplateSyntaxError, nodes
from jinja2.bccache import Bucket, BytecodeCache
from jinja2.environment import TemplateModule
from jinja2.exceptions import SecurityError
from jinja2.runtime import BlockReference, Context, LoopContext, Macro, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from portico.tenants import budget, filters

_TEXT_METHODS = (
    "capitalize", "endswith", "isdigit", "lower", "lstrip", "removeprefix", "removesuffix", "rstrip", "split", "startswith", "strip",
    "title", "upper",
)  # fmt: skip
_LOOP_ATTRIBUTES = (
    "changed", "cycle", "depth", "depth0", "first", "index", "index0", "last", "length", "nextitem", "previtem", "revindex", "revindex0",
)  # fmt: skip
_ATTRIBUTES: tuple[tuple[type, frozenset[str]], ...] = (
    (str, frozenset(_TEXT_METHODS)),
    (dict, frozenset({"get", "items", "keys", "values"})),
    (datetime, frozenset({"year", "month", "day", "hour", "minute", "second", "isoformat"})),
    (LoopContext, frozenset(_LOOP_ATTRIBUTES)),
    (BlockReference, frozenset({"super"})),
)
"""What may be reached of each kind of value, beside the fields of views."""
_PRINTABLE = (str, int, float, datetime, Undefined)
_TEMPLATE_NAME = re.compile(r"(?:theme:)?[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*")

RANGE_LIMIT = 1_000
NUMBER_LIMIT = 10**15


class Source(NamedTuple):
    """One template of one layer."""

    label: str
    """The path as its author knows it."""
    text: str


class Sources(BaseLoader):
    """The templates of a chain of layers, the root first. A template's full name is `<layer's number>:<path>`."""

    def __init__(self, layers: Iterable[Mapping[str, Source]]) -> None:
        self.layers = tuple(layers)

    def names(self) -> list[str]:
        """The full names of all templates."""
        return [f"{number}:{path}" for number, layer in enumerate(self.layers) for path in layer]

    def has(self, path: str) -> bool:
        """Whether any layer has it."""
        return any(path in layer for layer in self.layers)

    def resolve(self, name: str, parent: str | None = None) -> str:
        """The full name of what `name` means in the template `parent`; raises TemplateNotFound."""
        top, path = len(self.layers), name
        if name.startswith("theme:") and parent is not None:
            top, path = int(parent.partition(":")[0]), name.removeprefix("theme:")
        for number in range(top - 1, -1, -1):
            if path in self.layers[number]:
                return f"{number}:{path}"
        raise TemplateNotFound(name)

    def source(self, full: str) -> Source:
        """A template by its full name; raises TemplateNotFound."""
        number, _, path = full.partition(":")
        if not number.isdecimal() or int(number) >= len(self.layers) or path not in self.layers[int(number)]:
            raise TemplateNotFound(full)
        return self.layers[int(number)][path]

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        """Jinja's way to ask."""
        source = self.source(template)
        return source.text, source.label, lambda: True


class _Code(BytecodeCache):
    """What was compiled in this process, by the template's name and text: most of a candidate's templates are those of the one before.

    Code is the same for all sandboxes: what differs between them comes in when it runs.
    """

    LIMIT = 2_000

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], CodeType] = OrderedDict()

    def load_bytecode(self, bucket: Bucket) -> None:
        """Jinja's way to ask."""
        bucket.code = self._known.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Jinja's way to tell."""
        self._known[bucket.key, bucket.checksum] = bucket.code  # type: ignore[assignment] # Jinja tells nothing that isn't compiled
        if len(self._known) > self.LIMIT:
            self._known.popitem(last=False)


_CODE = _Code()


class Sandbox(ImmutableSandboxedEnvironment):
    """See the module."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})
    intercepted_unops = frozenset({"-", "+"})
    concat = staticmethod(budget.concat)

    def __init__(self, sources: Sources, functions: Mapping[str, Callable[..., object]], values: Mapping[str, object]) -> None:
        super().__init__(
            loader=sources,
            autoescape=True,
            undefined=StrictUndefined,
            enable_async=False,
            optimized=False,
            auto_reload=False,
            cache_size=-1,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_printable,
            bytecode_cache=_CODE,
        )
        self.sources = sources
        self.filters = dict(filters.ALL)
        self.tests = dict(filters.TESTS)
        self._functions = {"range": _range, **functions}
        self.globals = {**values, **self._functions}
        self._callables = frozenset(self._functions.values())

    # What a name of a template means

    def join_path(self, template: str, parent: str) -> str:
        """The full name of what `parent` asks for."""
        return self.sources.resolve(template, parent)

    def page(self, path: str) -> str:
        """The full name of a page's nearest template; raises TemplateNotFound."""
        return self.sources.resolve(path)

    def _load_template(self, name: str, globals: Any) -> Any:  # noqa: A002 -- Jinja's own signature
        budget.current().charge()
        return super()._load_template(name, globals)

    # What a template may be

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        return _Rewrite(name, filename).visit(tree)  # type: ignore[no-any-return]

    # What a template may do

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Fields of views, a few methods of texts and dictionaries, and what macros and loops are made of."""
        if attr.startswith("_"):
            return False
        for kind, allowed in _ATTRIBUTES:
            if isinstance(obj, kind):
                return attr in allowed
        if dataclasses.is_dataclass(obj) and not isinstance(obj, type):
            return attr in {field.name for field in dataclasses.fields(obj)}
        return isinstance(obj, TemplateModule) or (isinstance(obj, tuple) and attr in getattr(obj, "_fields", ()))

    def is_safe_callable(self, obj: Any) -> bool:
        """The functions that templates get, macros, blocks, loops, and the methods that may be reached."""
        if isinstance(obj, Macro | BlockReference | LoopContext):
            return True
        owner = getattr(obj, "__self__", None)
        if isinstance(owner, str | dict | datetime | LoopContext):
            return self.is_safe_attribute(owner, getattr(obj, "__name__", "_"), obj)
        return getattr(obj, "__hash__", None) is not None and obj in self._callables

    def wrap_str_format(self, value: Any) -> None:
        """`str.format` is not on offer at all."""

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 -- Jinja's own signature
        """Call what may be called, and count it."""
        rendering = budget.current()
        rendering.enter()
        try:
            return super().call(__context, __obj, *args, **kwargs)
        finally:
            rendering.leave()

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic on numbers of a bounded size, and `+` for texts and lists."""
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            budget.current().charge()
            budget.concat((left, right))
            return left + right
        if operator == "+" and isinstance(left, list | tuple) and isinstance(right, list | tuple):
            budget.current().charge(len(left) + len(right))
            return [*left, *right]
        for operand in (left, right):
            if isinstance(operand, Undefined):
                str(operand)
            if not isinstance(operand, int | float) or abs(operand) > NUMBER_LIMIT:
                raise SecurityError(
                    f"The operator {operator!r} is for numbers up to {NUMBER_LIMIT:.0e} only; use '~' to put texts together."
                )
        if operator == "**":
            raise SecurityError("The operator '**' is not available.")
        return super().call_binop(context, operator, left, right)


class _Rewrite(NodeTransformer):
    """Refuses what may not stand in a template, and puts the counters in."""

    def __init__(self, name: str | None, filename: str | None) -> None:
        self._name, self._filename = name, filename

    def _refuse(self, node: nodes.Node, message: str) -> TemplateSyntaxError:
        return TemplateSyntaxError(message, node.lineno, self._name, self._filename)

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 -- the visitor's naming
        """Each loop is counted before it begins."""
        self.generic_visit(node)
        node.iter = nodes.Filter(node.iter, "counted", [], [], None, None, lineno=node.lineno, environment=node.environment)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        """No text grows without bound."""
        self.generic_visit(node)
        return nodes.Filter(node, "sized", [], [], None, None, lineno=node.lineno, environment=node.environment)

    def visit_Compare(self, node: nodes.Expr) -> nodes.Node:  # noqa: N802
        """A comparison or a slice goes through long texts, and lists, unseen."""
        self.generic_visit(node)
        return nodes.Filter(node, "stepped", [], [], None, None, lineno=node.lineno, environment=node.environment)

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        """A single item costs nothing."""
        return self.visit_Compare(node) if isinstance(node.arg, nodes.Slice) else self.generic_visit(node)

    def visit_Import(self, node: nodes.Import) -> nodes.Node:  # noqa: N802
        """A macro sees the values of the page that uses it, and is never shared between two renderings."""
        return self._reference(node, with_context=True)

    visit_FromImport = visit_Import  # noqa: N815

    def visit_Include(self, node: nodes.Include) -> nodes.Node:  # noqa: N802
        """Also within loops and conditions."""
        return self._reference(node)

    visit_Extends = visit_Include  # noqa: N815

    def _reference(self, node: Any, *, with_context: bool = False) -> nodes.Node:
        wanted = node.template
        options = wanted.items if isinstance(wanted, nodes.List | nodes.Tuple) else [wanted]
        for option in options:
            if not isinstance(option, nodes.Const) or not isinstance(option.value, str):
                raise self._refuse(node, "A template is named by a text in quotes here, not by an expression.")
            if not _TEMPLATE_NAME.fullmatch(option.value):
                raise self._refuse(node, f"{option.value!r} can't be the name of a template.")
        if with_context:
            node.with_context = True
        return self.generic_visit(node)

    def visit_ScopedEvalContextModifier(self, node: nodes.Node) -> nodes.Node:  # noqa: N802
        """`{% autoescape false %}`."""
        raise self._refuse(node, "Escaping can't be turned off or on: it is always on.")


def references(tree: nodes.Template) -> list[tuple[int, str, bool]]:
    """What a template extends, includes and imports: line, name, and whether it may be missing."""
    found: list[tuple[int, str, bool]] = []
    for node in tree.find_all((nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)):
        wanted = node.template  # type: ignore[attr-defined]
        options = wanted.items if isinstance(wanted, nodes.List | nodes.Tuple) else [wanted]
        optional = len(options) > 1 or bool(getattr(node, "ignore_missing", False))
        found.extend((node.lineno, option.value, optional) for option in options if isinstance(option, nodes.Const))
    return found


def _printable(value: object) -> object:
    """What may stand between `{{` and `}}`; None prints nothing."""
    if value is None:
        return ""
    if isinstance(value, _PRINTABLE) or hasattr(value, "__html__"):
        return value
    raise SecurityError(f"This prints a whole {type(value).__name__}; print one of its fields.")


def _range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > RANGE_LIMIT:
        raise budget.TooMuch(f"A range may have {RANGE_LIMIT:,} numbers.")
    return numbers
