"""Printing: vouchers and the desk's day list on paper, as PDF."""
