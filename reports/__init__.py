"""What a hotel's figures say: how vouchers and bookings went, and how full the coming week is."""
