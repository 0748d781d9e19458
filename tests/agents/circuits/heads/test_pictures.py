"""Attention drawn with its words."""

from __future__ import annotations

import io

import torch

from agents.circuits.heads import draw_attention


def test_every_pattern_has_its_square_title_and_words():
    patterns = torch.rand(5, 3, 3).tril()
    figure = draw_attention(patterns, [f"0.{i}" for i in range(5)], ["start", "a", "b"])
    shown = [ax for ax in figure.axes if ax.axison]
    assert [ax.get_title() for ax in shown] == ["0.0", "0.1", "0.2", "0.3", "0.4"]
    for ax, pattern in zip(shown, patterns, strict=True):
        assert [label.get_text() for label in ax.get_xticklabels()] == ["start", "a", "b"]
        assert (ax.images[0].get_array() == pattern.numpy()).all()
        assert ax.images[0].get_clim() == (0, 1)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    assert file.getvalue().startswith(b"\x89PNG")
