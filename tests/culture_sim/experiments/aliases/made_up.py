"""Agents that learned nothing, with the curves that a test gives them."""

from __future__ import annotations

import numpy as np

from culture_sim.experiments.aliases import Aliases
from culture_sim.experiments.aliases.agent import CURVE, PICTURE, SPECTRA, Agent
from culture_sim.experiments.aliases.apart import EXAM, NOBODY, OTHERS
from culture_sim.experiments.aliases.arms import LINKED
from culture_sim.experiments.aliases.exam import NEITHER, OTHER, SURE, UNSURE
from culture_sim.experiments.aliases.features import ANSWERED, FIGURES, PAIRINGS, READ
from culture_sim.experiments.aliases.inside import (
    ALL,
    DOUBTED,
    LINKED_ALIAS,
    MISLED,
    OTHER_ALIAS,
    RANDOM,
    REST,
    TRUSTED,
    WAVES,
    spectrum_names,
)
from culture_sim.experiments.aliases.member import ANSWERS
from culture_sim.experiments.aliases.rounds import FILE, KINDS
from culture_sim.experiments.units import Place
from sae.files import write_arrays
from world.core.files import write_json

OPTIONS = Aliases(
    modulus=13, shares=(0.4, 0.6, 0.8), compared=2, link_weights=(), steps=300, look=100
)
QUALITY = {"explained_variance": 0.9}
WAVE_FIGURES = ("share", ALL, WAVES, REST, RANDOM)


def point(step, hits, linked=0.0, stay=5, trusted=5):
    """Of 100 cells with either evidence, so many hits; linked: how alike linked letters are; stay:
    of 50 answers, those that stay when x is read as its alias; trusted: that with a tag, of which
    there are as many answers among 50 cells of numbers with the tag."""
    held_out = {OTHER: [hits, 100], NEITHER: [hits, 100], SURE: [trusted, 50], UNSURE: [5, 50]}
    tagged = {TRUSTED: [trusted, 50], DOUBTED: [5, 50], MISLED: [5, 50]}
    stands = {LINKED_ALIAS: [stay, 50], OTHER_ALIAS: [5, 50], **tagged}
    return {
        "steps": step,
        "trained": 1.0,
        "held out": {"numbers": held_out},
        "alignment": {"own": linked, "any": 0.0, "linked": linked},
        "waves": {of: dict.fromkeys(WAVE_FIGURES, 0.5) for of in ("n", "n²")},
        "exchanged": {"blocks.0.hook_resid_pre": stands},
    }


def write(place: Place, agent: Agent, hits, linked=(), stay=5, trusted=5):
    """A curve with so many hits a look."""
    alike = linked or [0.0] * len(hits)
    points = [
        point(100 * (k + 1), h, a, stay, trusted)
        for k, (h, a) in enumerate(zip(hits, alike, strict=True))
    ]
    folder = place.of(agent)
    folder.mkdir(parents=True)
    write_json(folder / CURVE, {"curve": points})
    write_arrays(folder / PICTURE, picture=np.zeros((13, 13), dtype=np.int8))
    lines = len(spectrum_names(agent.world))
    write_arrays(folder / SPECTRA, spectra=np.full((lines, 6), 1 / 6))


def write_features(place: Place, options, correlation):
    """Autoencoders: correlation of what features are at linked letters, with links."""
    for unit in options.features(options.shares[1:]):
        pairings = {name: {"correlation": 0.0, "strongest": 0.1} for name in PAIRINGS}
        if unit.agent.arm == LINKED:
            by_seed = correlation + 0.02 * unit.agent.seed
            pairings["linked"] = {"correlation": by_seed, "strongest": 0.2}
        found = {"live": 40, "both": 10, **pairings, "p": 0.5}
        folder = place.of(unit)
        folder.mkdir(parents=True)
        write_json(folder / FIGURES, {"alike": {READ: found, ANSWERED: found}, "quality": QUALITY})


def told(number, others, wrong):
    """What a population of five told of a round: of 100 cells of others, and of 100 wrong rows,
    so many; half of the rows voted on are right, nine in ten of those kept."""
    answers = {OTHERS: [others, 100], NOBODY: [5, 100], EXAM: [5, 100]}
    found = {"round": number, "answers": [answers] * 5}
    if number:
        row = {"voted": [100, 50], "kept": [20, 18], "independent": 0.1}
        found["rows"] = dict.fromkeys(KINDS, row)
        found["taken up"] = {"right": [30, 100], "wrong": [wrong, 100]}
    return found


def write_culture(place: Place, options):
    """Populations in which culture changes nothing."""
    for seed in range(options.culture_seeds):
        for unit in options.rounds_of(seed):
            place.of(unit).mkdir(parents=True)
            rounds = [told(number, 10, 10 + seed) for number in range(options.rounds + 1)]
            write_json(place.of(unit) / FILE, {"rounds": rounds})
        pooled = options.members(seed)[-1]
        place.of(pooled).mkdir(parents=True)
        answers = {OTHERS: [0, 0], NOBODY: [50, 100], EXAM: [50, 100]}
        write_json(place.of(pooled) / ANSWERS, answers)


def write_all(place: Place, by_arm, options=OPTIONS, linked=(), stay=5, alike=-0.03, trusted=5):
    """Curves of all agents: by arm, hits a look at the shares compared; one table alone is learned
    at the first share only. alike: how much features are so at linked letters."""
    write_features(place, options, alike)
    write_culture(place, options)
    for agent in options.alone():
        learned = agent.world.held_out[0] == options.shares[0]
        write(place, agent, (50, 96) if learned else (0, 10))
    for arm, hits in by_arm.items():
        for share in options.shares[1:]:
            for agent in options.of_seeds(arm, share):
                curve = [h + agent.seed for h in hits]
                write(place, agent, curve, linked if arm == "linked" else (), stay, trusted)
