"""Parties: guests who find each other by a pair code and book one slot together."""
