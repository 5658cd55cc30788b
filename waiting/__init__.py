"""The waiting list: guests in line for what is full, and freed places offered to them in their order."""
