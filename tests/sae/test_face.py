"""What the package offers by its own name."""

from __future__ import annotations

import subprocess
import sys

import pytest

import sae


@pytest.mark.slow
def test_every_public_name_is_there():
    for name in sae.__all__:
        assert getattr(sae, name) is not None
        assert name in dir(sae)


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = sae.nothing


@pytest.mark.slow
def test_options_and_registries_do_not_wait_for_sae_lens():
    code = (
        "import sys, sae; sae.SAEConfig(); sae.architectures.names(); sae.nulls.names(); "
        "print('sae_lens' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
