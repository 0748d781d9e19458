"""The page of the experiment, section by section."""

from __future__ import annotations

from culture_sim.experiments.brackets.page_culture import culture_section, features_sections
from culture_sim.experiments.brackets.page_inside import (
    foretelling_section,
    inside_section,
    probes_section,
)
from culture_sim.experiments.brackets.page_outside import (
    outside_section,
    published_section,
    rules_section,
    scratchpads_section,
    strings_section,
)
from culture_sim.experiments.brackets.results import Found
from culture_sim.experiments.findings import Section


def sections(found: Found) -> list[Section]:
    """Those of which something was made."""
    made = [strings_section(found), rules_section(found), published_section(found)]
    made.append(outside_section(found))
    if found.looks:
        made += [inside_section(found), foretelling_section(found)]
    if found.probes:
        made.append(probes_section(found))
    if found.scribes:
        made.append(scratchpads_section(found))
    return [*made, culture_section(found), *features_sections(found)]
