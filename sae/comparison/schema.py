"""Of which version a comparison's files are, for readers that need not load what makes them."""

SCHEMA = 2
"""To be raised when a reader of the files would have to change."""
