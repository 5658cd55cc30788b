"""Filters that show events in the admin's templates."""

from django import template

from events import queries
from portal.admin import moment_words

register = template.Library()

register.filter("differences", queries.differences)
register.filter("details", queries.details)
register.filter("moment", moment_words)
