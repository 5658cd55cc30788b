"""What an operator needs: sight of the running portal, backups, moving to another database."""
