"""What goes on inside one agent: which parts of it an answer hangs on, and where they look.

Every analysis is a function of an agent, sequences and sites, built on ``capture`` and
``intervene``. None of them knows a dictionary of features; ``sae.effects`` builds on these.
"""

from agents.circuits.ablation import ablate, mean_activations
from agents.circuits.attention import attention_patterns
from agents.circuits.downstream import Downstream, Grades
from agents.circuits.patching import (
    Metric,
    Patching,
    activation_patching,
    log_prob,
    logit_difference,
)

__all__ = [
    "Downstream",
    "Grades",
    "Metric",
    "Patching",
    "ablate",
    "activation_patching",
    "attention_patterns",
    "log_prob",
    "logit_difference",
    "mean_activations",
]
