"""Where a run was made: versions and hardware."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from functools import cache
from pathlib import Path
from typing import Any

from culture_sim.run.variables import of_machine
from world.core.cores import usable_cores

PACKAGES = ("torch", "accelerate", "numpy", "datasets", "sae-lens", "transformer-lens")


def environment() -> dict[str, Any]:
    """Versions and hardware, for whoever wants to repeat the run."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor(),
        "cores": usable_cores(),
        "variables": of_machine(os.environ),
        "versions": {name: version for name in PACKAGES if (version := _version(name))},
    }


@cache
def _version(name: str) -> str | None:
    """Of a package; None where it is not installed: a machine that only trains may lack some."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def processor() -> str:
    """The name that the processor gives itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
