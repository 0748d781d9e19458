"""The package's own variants, which a worker needs to read the options of a run.

Those of plugins stay with the workers, which tell what is wrong with them.
"""

import agents.config
import sae.comparison.nulls
import sae.dictionaries.architectures
from culture_sim.culture import proposers, rules
from world.core.world import worlds
from world.grids.painting.task import tasks
from world.strings.task import string_tasks

for registry in (
    worlds,
    tasks,
    string_tasks,
    agents.config.architectures,
    sae.dictionaries.architectures.architectures,
    sae.comparison.nulls.nulls,
    rules.rules,
    proposers.proposers,
):
    registry.load_own()
