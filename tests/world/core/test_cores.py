"""Cores by what is allowed: affinity, and the quotas of control groups of both versions."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from world.core import cores
from world.core.cores import usable_cores

MACHINE = 8
"""Cores of the imitated machine."""


@pytest.fixture
def found(tmp_path, monkeypatch):
    """Cores found where control groups have these files and the process is in these groups."""
    monkeypatch.setattr(cores, "affine_cores", lambda: MACHINE)

    def find(own, files):
        for name, text in files.items():
            path = tmp_path / "cgroup" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (tmp_path / "own").write_text(own)
        return usable_cores(tmp_path / "cgroup", tmp_path / "own")

    return find


def v1(quota, period=100_000):
    return {"cpu.cfs_quota_us": f"{quota}\n", "cpu.cfs_period_us": f"{period}\n"}


def under(folder, files):
    return {f"{folder}/{name}": text for name, text in files.items()}


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        pytest.param("0::/\n", {}, MACHINE, id="no controller"),
        pytest.param("0::/\n", {"cpu.max": "max 100000\n"}, MACHINE, id="no limit"),
        pytest.param("0::/\n", {"cpu.max": "200000 100000\n"}, 2, id="two cores"),
        pytest.param("0::/\n", {"cpu.max": "350000 100000\n"}, 3, id="three and a half"),
        pytest.param("0::/\n", {"cpu.max": "50000 100000\n"}, 1, id="half a core"),
        pytest.param("0::/\n", {"cpu.max": "20000 10000\n"}, 2, id="another period"),
        pytest.param("0::/\n", {"cpu.max": "3200000 100000\n"}, MACHINE, id="above the machine"),
        pytest.param("0::/\n", {"cpu.max": "nonsense\n"}, MACHINE, id="unreadable"),
        pytest.param("0::/a/b\n", {"a/b/cpu.max": "300000 100000\n"}, 3, id="own group"),
        pytest.param(
            "0::/a/b\n",
            {"a/b/cpu.max": "600000 100000\n", "a/cpu.max": "200000 100000\n"},
            2,
            id="a group around it",
        ),
        pytest.param("0::/lxc/7/..\n", {"cpu.max": "200000 100000\n"}, 2, id="seen as the root"),
        pytest.param("4:cpu,cpuacct:/\n", under("cpu,cpuacct", v1(200_000)), 2, id="version 1"),
        pytest.param("4:cpu,cpuacct:/\n", under("cpu,cpuacct", v1(-1)), MACHINE, id="1, no limit"),
        pytest.param(
            "4:cpu,cpuacct:/docker/7\n", under("cpu,cpuacct", v1(300_000)), 3, id="1 as the root"
        ),
        pytest.param("4:cpu:/job\n", under("cpu/job", v1(25_000, 50_000)), 1, id="1, half a core"),
        pytest.param("4:cpuacct,cpu:/\n", under("cpu", v1(200_000)), 2, id="1 by a link"),
        pytest.param(
            "5:memory:/job\n4:cpu:/job\n0::/\n",
            under("cpu/job", v1(200_000)),
            2,
            id="both",
        ),
        pytest.param("5:cpuset:/job\n", under("cpuset/job", v1(200_000)), MACHINE, id="not cpu"),
    ],
)
def test_a_quota_counts(found, own, files, expected):
    assert found(own, files) == expected


def test_without_control_groups_the_affinity_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(cores, "affine_cores", lambda: MACHINE)
    assert usable_cores(tmp_path, tmp_path / "none") == MACHINE


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_a_process_that_is_bound_to_one_core_uses_one():
    core = min(os.sched_getaffinity(0))
    code = (
        f"import os; os.sched_setaffinity(0, [{core}]); "
        f"from world.core.cores import usable_cores; print(usable_cores())"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "1"
