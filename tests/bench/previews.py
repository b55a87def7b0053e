"""From a saved file to the repainted page, in a browser: `python -m tests.bench.previews` prints the section of the page.

`portico preview` as its own process, a bundle of usual size, Chromium. The clock starts when the file is written and stops in the browser's
first frame in which the page within the frame has the new style, or the new words.
"""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.support.chromium import FLAGS, find
from tests.support.installation import ROOT, environment

SAVES = 30
INNER = "document.querySelector('[data-page]').contentDocument"
PAINTED = f"""wanted => new Promise(done => {{
  const look = () => {{
    const page = {INNER};
    const seen = page?.body ? [getComputedStyle(page.body).outlineColor, page.title] : [];
    if (seen.includes(wanted)) requestAnimationFrame(() => done(true));
    else requestAnimationFrame(look);
  }};
  look();
}})"""


def saves(page: Page, write: Callable[[int], str]) -> list[float]:
    """Seconds for each save; `write` saves and answers what is to be seen then."""
    times = []
    for number in range(SAVES):
        page.locator("[data-check=good]").wait_for()
        began = time.perf_counter()
        page.evaluate(PAINTED, write(number))
        times.append(time.perf_counter() - began)
    return times


def section() -> list[str]:
    """Measure with a copy of a bundle that goes away."""
    executable = find()
    with tempfile.TemporaryDirectory(prefix="portico-bench-") as directory, sync_playwright() as playwright:
        bundle = Path(directory) / "juniq"
        shutil.copytree(ROOT / "tenants" / "juniq", bundle)
        command = [sys.executable, "-m", "portico.cli", "preview", str(bundle), "--port", "0"]
        with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as process:
            try:
                found = re.search(r"http://\S+", process.stdout.readline())
                browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
                page = browser.new_page()
                page.goto(found.group())
                sheet, landing = bundle / "static/css/tenant.css", bundle / "templates/landing.html"
                style, template = sheet.read_text(), landing.read_text()

                def restyle(number: int) -> str:
                    colour = f"rgb(1, 2, {number + 3})"
                    sheet.write_text(f"{style}\nbody {{ outline: 3px solid {colour}; }}\n")
                    return colour

                def rewrite(number: int) -> str:
                    landing.write_text(f"{template}{{% block title %}}Title {number}{{% endblock %}}\n")
                    return f"Title {number}"

                rows = {"a style sheet": saves(page, restyle), "a template": saves(page, rewrite)}
                browser.close()
            finally:
                process.terminate()
    return [
        "| saved | median | 95 % | slowest | saves |",
        "|---|---|---|---|---|",
        *(
            f"| {name} | "
            + " | ".join(f"{1000 * each:.0f} ms" for each in (statistics.median(times), statistics.quantiles(times, n=20)[-1], max(times)))
            + f" | {len(times)} |"
            for name, times in rows.items()
        ),
    ]


if __name__ == "__main__":
    sys.stdout.write("\n".join(section()) + "\n")
