"""A real SIGKILL from another process at every boundary of every kind of step: the table, the knife, the lives."""
