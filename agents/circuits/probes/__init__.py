"""Linear probes: what can be read off an agent at a site, and does the agent read it there itself?

``probe_sites`` fits probes by cross-validation over whole quizzes and sets them beside controls:
an untrained network, the position alone, shuffled labels, quizzes held out. ``exchange`` puts the
value that a probe reads in another quiz into a run, and counts the outputs that follow.

A probe that reads something shows that it is there; only an exchange shows that it is used
(Y. Belinkov, "Probing classifiers: promises, shortcomings, and advances", 2022).
"""

from agents.circuits.probes.causal import Exchange, exchange, hold, pairs_that_differ
from agents.circuits.probes.harvest import residual_sites
from agents.circuits.probes.linear import LinearProbe, ProbeOptions
from agents.circuits.probes.survey import fit_probe, fit_shuffled, probe_sites
from agents.circuits.probes.targets import Target, at, each_position

__all__ = [
    "Exchange",
    "LinearProbe",
    "ProbeOptions",
    "Target",
    "at",
    "each_position",
    "exchange",
    "fit_probe",
    "fit_shuffled",
    "hold",
    "pairs_that_differ",
    "probe_sites",
    "residual_sites",
]
