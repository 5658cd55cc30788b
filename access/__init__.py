"""Who may use the JSON API: keys, limits, and answers that are given once."""
