"""Tags that put waiting entries on other apps' pages."""
