"""The project: settings, addresses and the manifest page that composes the apps."""
