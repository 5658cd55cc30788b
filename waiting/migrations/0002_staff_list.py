from django.db import migrations

from portal.migration_steps import trigrams_on_postgresql


class Migration(migrations.Migration):
    # An index is built while others write, which no transaction allows.
    atomic = False

    dependencies = [
        ('waiting', '0001_initial'),
    ]

    operations = [
        trigrams_on_postgresql(
            'waiting_words',
            'waiting_entry USING gin (UPPER(title::text) gin_trgm_ops,'
            ' UPPER(guest_name::text) gin_trgm_ops, UPPER(guest_email::text) gin_trgm_ops)',
        ),
    ]
