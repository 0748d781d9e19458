"""Loaded by the server that tests fork commands from: what each of these would load, what tyro
reads in the sources of their options, which takes it a second, templates of pages, versions."""

import importlib

from culture_sim.commands import STAGES, commands
from culture_sim.presets import presets
from culture_sim.report.write import page_environment
from culture_sim.run.environment import environment
from tests.helpers.tyro_cache import trust_cache
from world.core import registry

for name in (
    "culture_sim.cli",
    "culture_sim.launch.console",
    "culture_sim.launch.pipeline",
    "tests.helpers.forked",
):
    importlib.import_module(name)

trust_cache()
for name in commands:
    commands[name]
for name in STAGES:
    commands[name].parse(["--preset", "smoke"], name, "")

environment()

for name in page_environment().list_templates(extensions=["jinja"]):
    page_environment().get_template(name)

for known in (presets, *registry._BY_BASE.values()):
    known._loaded = False  # each command finds the plugins that are installed for it
