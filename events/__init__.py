"""The journal every change is written to, and delivery from it."""
