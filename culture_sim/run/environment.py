"""Where a run was made: versions and hardware."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Iterator
from contextlib import suppress
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
        "versions": dict(_versions()),
    }


def _versions() -> Iterator[tuple[str, str]]:
    """Of the packages that are installed; a machine that only trains may lack the others."""
    for name in PACKAGES:
        with suppress(importlib.metadata.PackageNotFoundError):
            yield name, importlib.metadata.version(name)


def processor() -> str:
    """The name that the processor gives itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
