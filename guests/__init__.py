"""What a guest keeps and what is kept of them: my data, links by e-mail, bookings without a connection."""
