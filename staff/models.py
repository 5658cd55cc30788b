"""The staff app keeps no tables of its own; Django tells an app of migrations only if it has this file."""
