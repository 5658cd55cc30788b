"""Webhooks: the journal, brought to the systems of a hotel that ask for it."""
