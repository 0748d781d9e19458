"""Which installed packages have plugins."""

import sys

import pytest

from world.core import plugins


@pytest.fixture
def scans(monkeypatch):
    """Every look through all packages, which is made in earnest."""
    made = []

    def scan(**chosen):
        made.append(chosen)
        return entry_points(**chosen)

    entry_points = plugins.entry_points
    monkeypatch.setattr(plugins, "entry_points", scan)
    monkeypatch.setattr(plugins, "_found", {})
    return made


def test_packages_are_looked_through_once_for_a_path(scans, monkeypatch, tmp_path):
    usual = plugins.installed_plugins()
    assert plugins.installed_plugins() is usual
    assert len(scans) == 1
    info = tmp_path / "more-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: more\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{plugins.GROUP}]\nmore = more\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    assert [entry.name for entry in plugins.installed_plugins()] == [
        *(entry.name for entry in usual),
        "more",
    ]
    assert len(scans) == 2
