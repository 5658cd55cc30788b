"""Template filters of the journal."""
