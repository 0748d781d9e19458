"""An agent that is another, turned: its features must be found where they point."""

from __future__ import annotations

import numpy as np
import torch
from scipy.stats import ortho_group

from sae.comparison.geometry import _geometry


def test_directions_are_found_again_in_a_turned_copy():
    rng = np.random.default_rng(0)
    turn = torch.from_numpy(ortho_group.rvs(12, random_state=rng)).float()
    x = [torch.randn(500, 12, generator=torch.Generator().manual_seed(i)) * 3 for i in (0, 1)]
    y = [half @ turn + 2 for half in x]
    decoder = torch.randn(30, 12, generator=torch.Generator().manual_seed(2))
    order = rng.permutation(30)
    match = np.argsort(order)
    match[5] = -1
    found = _geometry(x, y, decoder, (decoder @ turn)[order] * 7, match)
    assert found.explained > 0.999
    assert (found.best == np.argsort(order)).all()
    np.testing.assert_allclose(np.delete(found.cosine, 5), 1, atol=1e-4)
    assert np.isnan(found.cosine[5])


def test_agents_that_share_nothing_have_no_direction_in_common():
    generator = torch.Generator().manual_seed(0)
    x, y = ([torch.randn(2000, 12, generator=generator) for _ in range(2)] for _ in range(2))
    ours, theirs = (torch.randn(30, 12, generator=generator) for _ in range(2))
    found = _geometry(x, y, ours, theirs, np.arange(30))
    assert found.explained < 0.1
    assert abs(np.mean(found.cosine)) < 0.2
