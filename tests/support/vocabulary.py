"""Words that are the same in English and in German: names of people, places, machines and programs, and terms of the trade."""

from __future__ import annotations

import re

NAMES = (
    "JUNIQ", "CoEC", "EuroCC", "JupyterLab", "JURECA-DC", "DEEP", "Aurora", "Borealis", "JUNIQ annealer", "Cantera", "OpenFOAM", "PeleLMeX",
    "nekRS", "LUMI", "MeluXina", "Karolina", "JUPITER", "Leonardo", "Deucalion", "Discoverer", "Vega",
    "MareNostrum 5", "GRI-Mech 3.0", "Montenegro", "Portugal",
)  # fmt: skip
TERMS = (
    "Partition", "Online", "Code", "Workshops", "System", "Branch", "Version", "Snapshot", "Emulator", "Annealer", "Qubits", "GiB", "Name",
    "Jan 2027", "Feb", "Apr", "Aug", "Sep", "Nov", ". Online.",
    "devel", "gpus", "batch", "emulator", "annealer",
)  # fmt: skip
PATTERNS = (
    r"[\w.+-]+@[\w.-]+",  # addresses
    r"[a-z]+\d{1,6}|qsim|combustion|deep-ea",  # accounts, nodes, projects
    r"\d{4}-\d{2}-\d{2} \d{2}:\d{2} UTC",  # moments, before the script puts them into words
    r"[\d.,]+ (GPUs?|[KMGT]iB)",  # amounts
)
SHARED = re.compile("|".join([*(re.escape(word) for word in (*NAMES, *TERMS)), *PATTERNS]))
