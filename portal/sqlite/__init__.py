"""Django's SQLite, with a queue of those who want to write."""
