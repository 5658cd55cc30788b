"""What breaks while guests book: nothing acknowledged is lost, nothing is double, nobody has to restart."""
