"""What is said of a tenant.toml that is wrong: line, column, cause and cure."""

from __future__ import annotations

import pytest
from portico.positions import Place, positions
from portico.tenants.bundle import Tenant
from portico.tenants.documents import decode, read_model
from portico.tenants.findings import Refused

HEAD = 'title = "T"\ncontact = "https://example.org"\n'

WRONG = [
    ("tilte = 1\n" + HEAD, "tenant.toml:1:1: There is no key 'tilte'. Did you mean 'title'?"),
    (HEAD + '[brand.light]\naccent = "red"\n', "tenant.toml:4:1: 'brand.light.accent' has a value that can't be used: 'red'."),
    (HEAD + '[brand]\nlogos = "x"\n', "tenant.toml:4:1: There is no key 'brand.logos'. Did you mean 'logo'?"),
    (HEAD + '[[links]]\ntitle = ""\n[[links]]\n  titel = ""\n', "tenant.toml:6:3: There is no key 'links.1.titel'. Did you mean 'title'?"),
    (HEAD + '[[links]]\nurl = "/a"\n', "tenant.toml:3:1: The key 'links.0.title' is missing."),
    (HEAD + '[[links]]\ntitle = "a"\nurl = "javascript:x"\n', "tenant.toml:5:1: 'links.0.url' has a value that can't be used"),
    (HEAD + 'host = "evil.example"\n', "'host' is not a tenant's to set. The operator sets it in portico.toml"),
    (HEAD + 'lab_limit = 100\n', "'lab_limit' is not a tenant's to set."),
    (HEAD + "[defaults]\nruntime = -5\n", "tenant.toml:4:1: 'defaults.runtime'"),
    (HEAD + "title = 2\n", "tenant.toml:3:10: This isn't TOML: Cannot overwrite a value."),
    (HEAD + "x = [\n", "This isn't TOML"),
    (HEAD + "x = " + "[" * 2000 + "]" * 2000, "nested too deep"),
    ('title = "T"\n', "tenant.toml: The key 'contact' is missing."),
    (HEAD + 'tagline = {fr = "Cours"}\n', "tenant.toml:3:1: 'tagline.fr': input should be 'en' or 'de'; it is 'fr'."),
    (HEAD + '[[links]]\ntitle = {en = "a\\nb"}\n', "tenant.toml:4:1: 'links.0.title.en' has a value that can't be used"),
    (HEAD + "tagline = 7\n", "tenant.toml:3:1: 'tagline': input should be a valid string; it is 7."),
    (HEAD + 'theme = "@jinja {{ this.secret }}"\n', "'theme' has a value that can't be used"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "says"), WRONG, ids=[says for _, says in WRONG])
def test_a_wrong_key_is_named_with_its_place(document: str, says: str) -> None:
    with pytest.raises(Refused) as refused:
        read_model(Tenant, document.encode(), "tenant.toml")
    assert says in str(refused.value)


def test_values_are_taken_as_they_are_written() -> None:
    """Nothing is evaluated (hostile input 18)."""
    tenant = read_model(Tenant, (HEAD + 'tagline = "@format {env[HOME]} {{ 7*7 }}"\n').encode(), "tenant.toml")
    assert tenant.tagline == "@format {env[HOME]} {{ 7*7 }}"


def test_positions_pass_over_values_that_span_lines() -> None:
    document = 'a = """\n[not.a.table]\nb = 1\n"""\nc = [\n  "]", # [x]\n  1,\n]\n\n[d]\ne = {x = 1}\n[[f]]\n[[f]]\n"g h".i = 1\n'
    found = positions(document)
    assert found == {
        ("a",): Place(1, 1),
        ("c",): Place(5, 1),
        ("d",): Place(10, 1),
        ("d", "e"): Place(11, 1),
        ("f",): Place(12, 1),
        ("f", 0): Place(12, 1),
        ("f", 1): Place(13, 1),
        ("f", 1, "g h", "i"): Place(14, 1),
    }


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"ok\n\xff", "x:2:1: This isn't UTF-8 text."),
        (b"\xef\xbb\xbfok", "x:1:1: The character U+FEFF is not allowed"),
        ("a\u202eb".encode(), "x:1:2: The character U+202E is not allowed"),
        (b"a\x00b", "x:1:2: The character U+0000 is not allowed"),
    ],
)
def test_text_that_is_not_what_it_seems_is_refused(data: bytes, says: str) -> None:
    """Hostile input 17."""
    with pytest.raises(Refused) as refused:
        decode(data, "x")
    assert says in str(refused.value)


def test_a_sentence_stays_one_however_long_what_it_quotes_is() -> None:
    with pytest.raises(Refused) as caught:
        read_model(Tenant, f"{HEAD}{'x' * 5000} = 1\n".encode(), "tenant.toml")
    (finding,) = caught.value.findings
    assert finding.what.startswith("There is no key 'xxx")
    assert len(finding.what) == 500
    assert finding.what.endswith("…")
