"""The reference pages say what the code says."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_no_reference_page_is_stale():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert generate.stale() == [], "run: python docs/generate.py"
