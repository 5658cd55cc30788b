"""The way over from the earlier JavaScript system: its calls, and its data."""
