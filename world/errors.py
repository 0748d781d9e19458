"""The one exception type for what a user can mend: a flag, a file, a missing earlier stage."""


class UserError(ValueError):
    """A mistake the user can mend; its message is one line saying what is wrong and what to do."""
