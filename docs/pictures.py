"""Take the browser tests' pictures into the documentation: `python docs/pictures.py` writes `docs/images`.

The three portals are put side by side; those of the guide for tenant admins are taken as they are.
"""

from __future__ import annotations

import base64
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tests.support.chromium import FLAGS, find  # noqa: E402 -- below the checkout, which a script in docs/ must name first

PICTURES = ("juniq-landing-1440-dark.png", "coec-landing-1440-light.png", "eurocc-landing-1440-light.png")
STYLE = """
body { margin: 0; padding: 24px; display: flex; gap: 16px; background: #f4f5f7; }
div { flex: 1; height: 400px; overflow: hidden; border: 1px solid #c9cfd6; border-radius: 6px; }
img { width: 100%; display: block; }
"""


def main() -> int:
    """Compose and write."""
    sources = [base64.b64encode((ROOT / "test-artifacts" / name).read_bytes()).decode() for name in PICTURES]
    images = "".join(f'<div><img src="data:image/png;base64,{source}"></div>' for source in sources)
    chromium = find()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1680, "height": 450})
        page.set_content(f"<style>{STYLE}</style>{images}")
        (ROOT / "docs" / "images").mkdir(exist_ok=True)
        page.screenshot(path=ROOT / "docs" / "images" / "portals.png")
        browser.close()
    for picture in (ROOT / "test-artifacts").glob("guide-*.png"):
        shutil.copy(picture, ROOT / "docs" / "images")
    return 0


if __name__ == "__main__":
    sys.exit(main())
