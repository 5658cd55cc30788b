"""Who is here: guest identity, and what brings it to another device."""
