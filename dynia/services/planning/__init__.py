"""Every decision: pure functions over frozen values."""
