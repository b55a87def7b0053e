"""`portico check`: what a tenant admin is told on her own machine is what the server would say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.bundles import BUNDLE, write_themes, write_tree
from tests.support.installation import ROOT, portico

BUNDLES = sorted(path.parent for path in (ROOT / "tenants").glob("*/tenant.toml"))


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    write_themes(tmp_path / "themes")
    return write_tree(tmp_path / "bundle", BUNDLE)


def check(bundle: Path, *options: str) -> tuple[int, str]:
    done = portico("check", str(bundle), "--themes", str(bundle.parent / "themes"), *options, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.mark.parametrize("directory", BUNDLES, ids=lambda path: path.name)
def test_the_products_own_bundles_have_nothing_to_mend(directory: Path) -> None:
    done = portico("check", str(directory), check=False)

    assert (done.returncode, done.stdout.splitlines()[-1].rpartition(": ")[2]) == (0, "nothing to mend."), done.stdout


def test_a_mistake_is_named_with_file_line_and_cure(bundle: Path) -> None:
    (bundle / "tenant.toml").write_text(BUNDLE["tenant.toml"] + 'taglime = "x"\n')

    code, said = check(bundle)

    assert code == 1
    assert said.splitlines() == [
        f"{bundle}/tenant.toml:3:1: There is no key 'taglime'. Did you mean 'tagline'?",
        "One thing to mend; nothing of this would go live.",
    ]


def test_scripts_and_githubs_annotations_get_the_same(bundle: Path) -> None:
    (bundle / "static/css/tenant.css").write_text("a { background: url(https://elsewhere.example/x.png) }")

    code, said = check(bundle, "--format", "json")
    assert code == 1
    told = json.loads(said)
    assert not told["good"]
    assert (told["findings"][0]["line"], told["findings"][0]["column"]) == (1, 17)
    code, said = check(bundle, "--format", "github")
    assert code == 1
    assert said.startswith(
        f"::error file={bundle}/static/css/tenant.css,line=1,col=17::The address 'https://elsewhere.example/x.png' leads out"
    )


def test_a_link_is_refused_before_anything_is_read(bundle: Path) -> None:
    (bundle / "static/passwd.txt").symlink_to("/etc/passwd")

    assert "static/passwd.txt: This is a symbolic link." in check(bundle)[1]


def test_where_there_is_no_bundle_that_is_one_sentence(bundle: Path) -> None:
    shutil.rmtree(bundle)
    done = portico("check", str(bundle), check=False)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"portico: There is no directory {bundle}.\n"
