"""Grids with room for a task, where the default ones have none or little."""

LARGER = {"height": 8, "width": 8}
ROOM = dict.fromkeys(("grow_large", "symbols", "translate_over"), LARGER)
"""By task, the options of such grids; the default ones will do for all others."""


def with_room(task):
    """Options of grids that can show a task."""
    return ROOM.get(task, {})
