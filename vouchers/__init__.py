"""Hotels, offers, vouchers: what exists and who holds it."""
