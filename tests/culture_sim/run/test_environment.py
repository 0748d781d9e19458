"""Where a run was made is known on any machine."""

import importlib.metadata

import pytest
import torch

from culture_sim.run import environment


@pytest.mark.slow  # the platform is asked of a process
def test_versions_are_of_what_is_installed(monkeypatch):
    found = environment.environment()
    assert found["versions"].keys() == set(environment.PACKAGES)
    assert found["versions"]["torch"] == torch.__version__
    assert found["cores"] > 0
    monkeypatch.setattr(environment, "PACKAGES", ("numpy", "no-such-package"))
    assert environment.environment()["versions"] == {"numpy": importlib.metadata.version("numpy")}
