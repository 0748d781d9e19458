"""What single heads of a HookedTransformer do: where they look, what they copy."""

from agents.circuits.heads.copying import CopyScores, copy_scores
from agents.circuits.heads.pictures import draw_attention
from agents.circuits.heads.scores import HeadScores, head_scores, repeated_block
from agents.circuits.heads.weighted import value_weighted

__all__ = [
    "CopyScores",
    "HeadScores",
    "copy_scores",
    "draw_attention",
    "head_scores",
    "repeated_block",
    "value_weighted",
]
