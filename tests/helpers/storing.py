"""Culture records put into a store."""

from culture_sim.culture.records import to_table


def append(store, records):
    """Store records as the round that they are of."""
    store.append(records.provenance.round, to_table(records))
