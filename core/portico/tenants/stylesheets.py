"""CSS of themes and tenants: checked by a parser, wrapped in its cascade layer, and the tokens written from `tenant.toml`.

Authors write plain CSS. What is served is `@layer theme { ... }` or `@layer tenant { ... }`, so that a tenant's rule wins over a theme's
however specific that is. The wrapper stands in the first line, so line numbers in a browser are those of the author's file.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import tinycss2

from portico.tenants.bundle import Brand
from portico.tenants.findings import Finding, suggestion

TOKENS = "portico-tokens.css"
"""The generated stylesheet, below `static/`."""
ENDLESS = re.compile(r"[0-9]{4000}")
"""A number that Python refuses to read, and tinycss2 with it."""
NO_NUMBER = "Nobody reads a number of 4,000 digits and more."
_ORDER = "@layer theme,tenant;"
_SENTINEL = "portico-end"
_REFUSED_RULES = {
    "import": "List the file under 'stylesheets' instead.",
    "charset": "Remove it: all files are UTF-8.",
    "namespace": "Remove it.",
}
_ADDRESS = re.compile(r"\s*([a-z][a-z0-9+.-]*:|[/\\]{2})", re.IGNORECASE)
_ADDRESS_FUNCTIONS = frozenset({"url", "src", "image", "image-set", "-webkit-image-set"})
_TELLING_ATTRIBUTES = frozenset({"value", "nonce", "content", "data-offer"})
_DATA = re.compile(r"data:(image/(png|jpeg|gif|webp|avif|svg\+xml)|font/woff2?)[;,]", re.IGNORECASE)


def wrap(css: str, layer: str) -> str:
    """The stylesheet as it is served."""
    return f"{_ORDER}@layer {layer}{{{css}\n}}\n"


def tokens(brand: Brand) -> str:
    """The brand as custom properties.

    A colour that is set for one scheme only doesn't show in the other; a visitor's choice (`data-scheme` on the root element) wins over
    the system's.
    """
    parts = [f":root{{--radius:{brand.radius}}}"] if brand.radius else []
    for scheme, other, colours in (("light", "dark", brand.light), ("dark", "light", brand.dark)):
        if colours:
            body = "{" + "".join(f"--{name}:{value};" for name, value in sorted(colours.items())) + "}"
            parts.append(f"@media (prefers-color-scheme:{scheme}){{:root:not([data-scheme={other}]){body}}}")
            parts.append(f":root[data-scheme={scheme}]{body}")
    return "\n".join(parts)


def check(css: str, *, file: str, path: str = "", static: Collection[str] | None = None) -> list[Finding]:
    """What is wrong with a stylesheet. With `path` (its own, below static) and `static` also addresses of files that don't exist."""
    endless = ENDLESS.search(css)
    if endless:
        line, column = css.count("\n", 0, endless.start()) + 1, endless.start() - css.rfind("\n", 0, endless.start())
        return [Finding(file, line, column, NO_NUMBER, "Write a shorter one.")]
    findings: list[Finding] = []
    rules = tinycss2.parse_stylesheet(f"{css}\n@{_SENTINEL};", skip_comments=True, skip_whitespace=True)
    if rules and getattr(rules[-1], "at_keyword", None) == _SENTINEL:
        rules.pop()
    elif rules:
        last = rules.pop()
        findings.append(
            Finding(file, last.source_line, last.source_column, "What begins here has no end.", "Close the brace, quote or comment.")
        )
    for node in _nodes(rules):
        findings.extend(_objections(node, file, path, static))
    for node in _telling(rules):
        what = "This rule loads a file by a field's value, which tells what stands in a field to whoever sees the request."
        findings.append(Finding(file, node.source_line, node.source_column, what, "Choose the field by its name or a class."))
    return findings


def leads_out(value: str) -> bool:
    """Whether a value of a declaration or of a drawing's attribute, without `ENDLESS` numbers, names an address outside."""
    nodes = tinycss2.parse_component_value_list(value)
    return any(node.type != "error" and any(_objections(node, "", "", None)) for node in _nodes(nodes))


def _telling(nodes: Iterable[Any], depth: int = 0) -> Iterator[Any]:
    """The rules that load a file where a field's value begins in a certain way: letter by letter they tell the value to a server."""
    for node in nodes:
        if node.type in ("qualified-rule", "at-rule") and node.content is not None and depth < 50:
            content = tinycss2.parse_blocks_contents(node.content, skip_comments=True, skip_whitespace=True)
            if node.type == "qualified-rule" and _looks_at_a_value(node.prelude) and any(_loads(inner) for inner in _nodes(content)):
                yield node
            yield from _telling(content, depth + 1)


def _looks_at_a_value(prelude: Iterable[Any]) -> bool:
    """Whether a selector asks for an attribute that holds what a user typed, or a token."""
    for node in _nodes(prelude):
        if node.type == "[] block":
            names = [inner.lower_value for inner in node.content if inner.type == "ident"]
            if names and names[0] in _TELLING_ATTRIBUTES:
                return True
    return False


def _loads(node: Any) -> bool:
    return node.type == "url" or (node.type == "function" and node.lower_name in _ADDRESS_FUNCTIONS)


def _nodes(nodes: Iterable[Any], depth: int = 0) -> Iterator[Any]:
    """All rules, declarations, errors and tokens, whatever they are nested in."""
    if depth > 50:
        return
    for node in nodes:
        yield node
        if node.type in ("qualified-rule", "at-rule"):
            yield from _nodes(node.prelude, depth + 1)
            if node.content is not None:
                yield from _nodes(tinycss2.parse_blocks_contents(node.content, skip_comments=True, skip_whitespace=True), depth + 1)
        elif node.type == "declaration":
            yield from _nodes(node.value, depth + 1)
        elif node.type == "function":
            yield from _nodes(node.arguments, depth + 1)
        elif hasattr(node, "content"):
            yield from _nodes(node.content or (), depth + 1)


def _objections(node: Any, file: str, path: str, static: Collection[str] | None) -> Iterator[Finding]:
    what, cure = "", ""
    if node.type == "error":
        what, cure = f"This isn't CSS: {node.message.rstrip('.')}.", "A browser would skip it; correct or remove it."
    elif node.type == "at-rule" and node.lower_at_keyword in _REFUSED_RULES:
        what, cure = f"'@{node.lower_at_keyword}' is not allowed.", _REFUSED_RULES[node.lower_at_keyword]
    elif node.type == "url" or (node.type == "string" and _ADDRESS.match(node.value) and not _DATA.match(node.value)):
        what, cure = _address(node.value, path, static)
    elif node.type == "function" and node.lower_name in _ADDRESS_FUNCTIONS:
        for argument in node.arguments:
            if argument.type == "string":
                what, cure = _address(argument.value, path, static)
    if what:
        yield Finding(file, node.source_line, node.source_column, what, cure)


def _address(value: str, path: str, static: Collection[str] | None) -> tuple[str, str]:
    if value.startswith("#") or _DATA.match(value):
        return "", ""
    if _ADDRESS.match(value) or value.startswith(("/", "\\")):
        return f"The address {value[:80]!r} leads out of the bundle.", "Put the file below static/ and write its path relative to this one."
    target = posixpath.normpath(posixpath.join(posixpath.dirname(path), value.split("#", maxsplit=1)[0].split("?", maxsplit=1)[0]))
    if target.startswith(".."):
        return f"The address {value[:80]!r} leads out of the bundle.", "Put the file below static/."
    if static is not None and target not in static:
        return f"There is no static file {target!r}.", suggestion(target, static) or "Put it below static/."
    return "", ""
