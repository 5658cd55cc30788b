"""The people who run hotels: their roles, who may give them, and how they sign in."""
