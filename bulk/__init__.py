"""Bulk work: vouchers from files and lists, very many at once; tables out."""
