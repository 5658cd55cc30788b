"""The front desk: who comes today, and what is done with one tap."""
