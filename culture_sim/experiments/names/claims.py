"""Six claims of the circuit in GPT-2, judged for every agent by rules fixed beforehand.

Claims and experiments are those of an exercise on this circuit (Redwood Research, "REMIX", 2023)
that follows K. Wang et al. (2022); the rules are ours. An effect is a share of what is there
without a patch. It is *none* if its 95 % interval lies within the margin, *one* if it lies beyond.
The margin is ``MARGIN``, or the largest effect of another place and object along the same path,
which should have none. A claim is judged only if its control, a patch that must break what the
claim is about, takes away half of it at least.

Functions take plain numbers, so that a test can hold every rule to every answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from agents.circuits.statistics import Interval
from culture_sim.experiments.names.circuit import (
    ALL_HEADS,
    ALL_KEYS,
    ALL_QUERIES,
    AT_S2,
    ATTENTION,
    BOTH,
    BY_KEYS,
    COMPOSED,
    GIVER,
    KEYS,
    MOVERS,
    MOVERS_ON,
    NO_HEAD,
    OTHERS,
    REPETITION,
    SCENERY,
    SENT,
    SIZE,
    THROUGH,
    TOWARD_S1,
    Measured,
)
from culture_sim.experiments.names.effects import NO_NAME, OF_S1
from culture_sim.experiments.names.heads import (
    DIRECT,
    DUPLICATE,
    INDUCTION,
    INHIBITION,
    MARGIN,
    MOVER,
)
from world.names import flips

Answer = Literal["holds", "fails", "not applicable", "undecidable"]
HOLDS: Final = "holds"
FAILS: Final = "fails"
NOT_APPLICABLE: Final = "not applicable"
UNDECIDABLE: Final = "undecidable"
ANSWERS: tuple[Answer, ...] = (HOLDS, FAILS, NOT_APPLICABLE, UNDECIDABLE)
BREAKS = 0.5
"""Share that a control must take away."""
HALF = 0.5
"""Of sentences."""


@dataclass(frozen=True)
class Judgement:
    """What became of a claim in one agent, and the figures that decided."""

    answer: Answer
    because: str


@dataclass(frozen=True)
class Claim:
    """A sentence that can be false of an agent.

    name: short, with the number of the claim in the exercise. rule: when it holds and fails.
    """

    name: str
    sentence: str
    rule: str
    judge: Callable[[Measured], Judgement]


def margin_of(effects: Mapping[str, Interval]) -> float:
    """Below which an effect along a path is none; effects: along this path, by change."""
    noise = effects.get(SCENERY)
    return MARGIN if noise is None else max(MARGIN, abs(noise.low), abs(noise.high))


def is_one(effect: Interval, margin: float) -> bool | None:
    """Whether there is an effect; None where the interval says neither."""
    if effect.high < -margin or effect.low > margin:
        return True
    return False if max(-effect.low, effect.high) < margin else None


def _judged(holds: bool | None, because: str) -> Judgement:
    answer: Answer = UNDECIDABLE if holds is None else HOLDS if holds else FAILS
    return Judgement(answer, because)


def _without(measured: Measured, *kinds: str) -> Judgement | None:
    """Not applicable, if the agent has no head of one of the kinds."""
    missing = [kind for kind in kinds if not measured.kinds[kind]]
    return Judgement(NOT_APPLICABLE, f"no {missing[0]}") if missing else None


def _untested(name: str, *controls: Interval) -> Judgement | None:
    """Undecidable, if no control breaks what it must."""
    if controls and min(control.mean for control in controls) <= -BREAKS:
        return None
    told = ", ".join(map(str, controls)) or "there is none"
    return Judgement(UNDECIDABLE, f"not tested: the control ({name}) breaks too little: {told}")


# ---- 1


def none_against_io(measured: Measured) -> Judgement:
    """Claim 1."""
    effects = measured.effects[ALL_HEADS]
    if found := _untested("all heads", effects[GIVER]):
        return found
    margin = margin_of(effects)
    heads = {name: measured.parts[name][DIRECT] for name in measured.scores}
    worst = max(heads, key=lambda name: heads[name].mean)
    against = [name for name, effect in heads.items() if effect.low > margin]
    clear = all(effect.high < margin for effect in heads.values())
    holds = False if against else True if clear else None
    return _judged(
        holds, f"most against IO: {worst} ({heads[worst]}); heads for IO: {_for_io(measured)}"
    )


def _for_io(measured: Measured) -> str:
    told = [f"{name} ({measured.parts[name][DIRECT]})" for name in measured.kinds[MOVER]]
    return ", ".join(told) or "no movers"


# ---- 2


def keys_without_name(what: str) -> Callable[[Measured], Judgement]:
    """Claim 2, of the attention on average (ATTENTION) or in each sentence (SIZE)."""

    def judge(measured: Measured) -> Judgement:
        if found := _without(measured, MOVER):
            return found
        logits, attention = measured.effects[KEYS], measured.effects[KEYS + ATTENTION]
        if found := _untested("no name, or what is at S1", attention[NO_NAME], attention[OF_S1]):
            return found
        looked = measured.effects[KEYS + what]
        decisive = (looked,) if what == SIZE else (looked, logits)
        used = [is_one(effects[flips.IO], margin_of(effects)) for effects in decisive]
        holds = False if any(used) else None if None in used else True
        return _judged(
            holds,
            f"another name: attention {looked[flips.IO]}, logits {logits[flips.IO]}; no name: "
            f"attention {attention[NO_NAME]}; what is at S1: attention {attention[OF_S1]}",
        )

    return judge


# ---- 3

FEATURES: Mapping[str, tuple[str, ...]] = {
    "which name IO is": (flips.IO,),
    "which name S is": (flips.S,),
    "absolute place": (flips.MOVED,),
    "distance": (flips.GAP, flips.DISTANCE),
    "order of the names": (flips.ORDER,),
}
"""What S-inhibition heads could tell, and the changes that change it. A gap moves the names in the
sequence too, and the order of the names changes places and distances: those can be told apart only
where the former have no effect."""


def told(measured: Measured, feature: str) -> bool | None:
    """Whether S-inhibition heads tell movers a feature; None where that cannot be said."""
    effects = measured.effects[SENT]
    if any(kind not in effects for kind in FEATURES[feature]):
        return None
    margin = margin_of(effects)
    ones = [is_one(effects[kind], margin) for kind in FEATURES[feature]]
    return True if any(ones) else None if None in ones else False


def tells(feature: str) -> Callable[[Measured], Judgement]:
    """Claim 3, of one feature."""

    def judge(measured: Measured) -> Judgement:
        if found := _without(measured, MOVER, INHIBITION):
            return found
        effects, attention = measured.effects[SENT], measured.effects[SENT + ATTENTION]
        if found := _untested("the other gives", effects[GIVER]):
            return found
        kinds = [kind for kind in FEATURES[feature] if kind in effects]
        if len(kinds) < len(FEATURES[feature]):
            return Judgement(UNDECIDABLE, "place, distance and order do not vary apart here")
        because = "; ".join(
            f"{kind}: logits {effects[kind]}, attention {attention[kind]}" for kind in kinds
        )
        return _judged(_apart(measured, feature), f"{because}; the other gives: {effects[GIVER]}")

    return judge


def _apart(measured: Measured, feature: str) -> bool | None:
    """Whether a feature is told, and nothing simpler that changes with it."""
    found = told(measured, feature)
    if not found or feature not in ("distance", "order of the names"):
        return found
    simpler = ["absolute place"] + ["distance"] * (feature == "order of the names")
    if any(told(measured, other) is not False for other in simpler):
        return None
    if feature == "distance":
        return True
    toward = measured.effects[TOWARD_S1][flips.ORDER]
    return True if toward.low > HALF else None


# ---- 4


def reads_s2(measured: Measured) -> Judgement:
    """Claim 4, where they look."""
    if found := _without(measured, MOVER, INHIBITION):
        return found
    share = measured.effects[AT_S2][""]
    holds = True if share.low > HALF else False if share.high < HALF else None
    return _judged(holds, f"in {share} of sentences")


def through_values(measured: Measured) -> Judgement:
    """Claim 4, in which slot."""
    if found := _without(measured, MOVER, INHIBITION):
        return found
    if found := _untested("all they tell", measured.effects[SENT][GIVER]):
        return found
    q, k, v = (measured.effects[THROUGH[slot]][GIVER] for slot in ("q", "k", "v"))
    one = is_one(v, margin_of(measured.effects[THROUGH["v"]]))
    more, less = v.high < min(q.low, k.low), v.low > min(q.high, k.high)
    holds = True if one and more else False if less or one is False else None
    return _judged(holds, f"by values {v}, by keys {k}, by queries {q}")


def from_repetition(measured: Measured) -> Judgement:
    """Claim 4, from which heads."""
    if found := _without(measured, MOVER, INHIBITION):
        return found
    values = measured.effects[THROUGH["v"]]
    if found := _untested("all parts", values[GIVER]):
        return found
    others = _largest(measured)
    if REPETITION not in measured.effects:
        return Judgement(FAILS, f"no duplicate-token or induction head before them; {others}")
    effects = measured.effects[REPETITION]
    one = is_one(effects[GIVER], margin_of(effects))
    holds = effects[GIVER].mean < 0 if one else one
    return _judged(holds, f"together {effects[GIVER]}; of all parts {values[GIVER]}; {others}")


def _largest(measured: Measured) -> str:
    """Which parts tell S-inhibition heads most through their values."""
    single = {
        part: effects[GIVER]
        for part in measured.parts
        if (effects := measured.effects.get(f"{part} to v of inhibition heads"))
    }
    most = sorted(single, key=lambda part: single[part].mean)[:2]
    return "most: " + ", ".join(f"{part} {single[part]}" for part in most)


# ---- 5


def queries_composed(measured: Measured) -> Judgement:
    """Claim 5."""
    if found := _without(measured, DUPLICATE, INDUCTION):
        return found
    if COMPOSED not in measured.effects:
        return Judgement(NOT_APPLICABLE, "no induction head after a duplicate-token head")
    effects = measured.effects
    by_queries, by_keys = effects[ALL_QUERIES][GIVER], effects[ALL_KEYS][flips.S1]
    if found := _untested("all parts to queries, or to keys", by_queries, by_keys):
        return found
    composed = effects[COMPOSED][GIVER]
    one = is_one(composed, margin_of(effects[COMPOSED]))
    holds = composed.mean < 0 if one else one
    keys = effects.get(BY_KEYS, {}).get(flips.S1)
    return _judged(
        holds,
        f"duplicate-token heads to queries {composed}; previous-token heads to keys "
        f"{keys or 'none'}; all parts to queries {by_queries}, to keys {by_keys}",
    )


# ---- 6


def movers_alone(measured: Measured) -> Judgement:
    """Claim 6."""
    if found := _without(measured, MOVER):
        return found
    held, again, alone, no_head = (
        measured.effects[name][BOTH] for name in (MOVERS, MOVERS_ON, OTHERS, NO_HEAD)
    )
    if no_head.mean > 1 - BREAKS:
        return Judgement(
            UNDECIDABLE, f"not tested: the control (without any head) leaves {no_head}"
        )
    positive = again.low > MARGIN
    holds = False if positive else True if again.high < MARGIN else None
    return _judged(
        holds,
        f"left without movers {again}, with all else held {held}; movers alone {alone}; without "
        f"any head {no_head}",
    )


_NEEDS_INHIBITION = "not applicable without movers and S-inhibition heads"
_TELLS = (
    f"what S-inhibition heads write at the end is taken from sentences in which it differs, and "
    f"read by the movers' queries alone: holds where that has an effect on the logits, fails where "
    f"it has none; control: the same, where the other of the two gives; {_NEEDS_INHIBITION}"
)
_KEYS = (
    "all that the movers' keys at IO read is taken from sentences with another name there: holds "
    "where neither their attention"
)
_KEYS_CONTROL = (
    "control: the attention with a filler there, or with what is held at S1; not applicable "
    "without movers"
)
CLAIMS: tuple[Claim, ...] = (
    Claim(
        "1",
        "Heads that act on the logits directly either leave the two names alone or favour IO.",
        "every head's output at the end is taken from sentences in which the other gives, and "
        "read by the logits alone: fails where that raises the difference for IO by more than the "
        "margin for some head, holds where for none; control: all heads at once",
        none_against_io,
    ),
    Claim(
        "2, on average",
        "Name movers do not use in the key at IO which name it is, on average.",
        f"{_KEYS} from the end to IO nor the logits change on average, fails where either does; "
        f"{_KEYS_CONTROL}",
        keys_without_name(ATTENTION),
    ),
    Claim(
        "2, in each sentence",
        "Name movers do not use in the key at IO which name it is, in any sentence.",
        f"{_KEYS} from the end to IO rises nor falls, as the mean of its absolute change says, "
        f"fails where it does; {_KEYS_CONTROL}",
        keys_without_name(SIZE),
    ),
    *(
        Claim(f"3, {feature}", f"S-inhibition heads tell movers: {feature}.", rule, tells(feature))
        for feature, rule in (
            ("which name IO is", _TELLS),
            ("which name S is", _TELLS),
            ("absolute place", f"{_TELLS}; undecidable where nothing moves"),
            (
                "distance",
                f"{_TELLS}; of both gaps; undecidable where nothing moves, or absolute place could "
                f"explain it",
            ),
            (
                "order of the names",
                f"{_TELLS}; holds only where movers then look at S1 more than at IO in over half "
                f"of the sentences; undecidable where place or distance could explain it",
            ),
        )
    ),
    Claim(
        "4, at S2",
        "S-inhibition heads read S2.",
        "where their attention from the end, weighted by what is moved, is largest: holds where "
        "that is S2 in over half of the sentences, fails where in under half (95 % interval); "
        f"{_NEEDS_INHIBITION}",
        reads_s2,
    ),
    Claim(
        "4, by values",
        "S-inhibition heads take what they send from their values.",
        "all that they read at S2 by values, by keys, and at the end by queries, is taken from "
        "sentences in which the other gives: holds where values have an effect and more than "
        "either (intervals apart), fails where they have none or less; control: all that they "
        f"send; {_NEEDS_INHIBITION}",
        through_values,
    ),
    Claim(
        "4, from repetition",
        "S-inhibition heads read what duplicate-token and induction heads say at S2.",
        "what these write at S2 is taken from sentences in which the other gives, and read by the "
        "values alone: holds where that works against IO, fails where it has no effect or there "
        f"are none; control: all parts; {_NEEDS_INHIBITION}",
        from_repetition,
    ),
    Claim(
        "5",
        "Duplicate-token heads tell induction heads in their queries where to look from S2.",
        "what duplicate-token heads write at S2 is taken from sentences in which the other gives: "
        "holds where the attention of later induction heads to the word after S1 falls, fails "
        "where it does not change; control: all that their queries read, or all that their keys "
        "read with another name at S1; not applicable without both, in this order",
        queries_composed,
    ),
    Claim(
        "6",
        "Name movers are the only heads able to make the difference of logits positive.",
        f"movers write at the end what they write on sentences of two other names, and all that "
        f"follows computes again: holds where less than {MARGIN:.0%} of the difference is left, "
        f"fails where more; control: all heads, read by the logits alone; not applicable without "
        f"movers",
        movers_alone,
    ),
)
