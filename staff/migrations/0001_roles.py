"""Make the groups that the roles are; what they may do is given after every migrate (staff/roles.py)."""

from django.db import migrations

ROLES = ("Front desk", "Voucher manager", "Hotel admin")


def make_groups(apps, schema_editor):
    groups = apps.get_model("auth", "Group").objects
    for name in ROLES:
        groups.get_or_create(name=name)


class Migration(migrations.Migration):
    dependencies = [("auth", "0012_alter_user_first_name_max_length")]
    operations = [migrations.RunPython(make_groups, migrations.RunPython.noop)]
