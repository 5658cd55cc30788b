"""Commands of the legacy app."""
