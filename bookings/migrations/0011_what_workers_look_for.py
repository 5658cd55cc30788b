from django.db import migrations, models

from portal.migration_steps import AddIndexGently


class Migration(migrations.Migration):
    # An index is built while others write, which no transaction allows.
    atomic = False

    dependencies = [
        ('bookings', '0010_forgotten'),
    ]

    operations = [
        AddIndexGently(
            model_name='booking',
            index=models.Index(condition=models.Q(('remind_at__isnull', False), ('status', 'booked')), fields=['remind_at'], name='bookings_to_remind'),
        ),
        AddIndexGently(
            model_name='mail',
            index=models.Index(condition=models.Q(('failed_at', None), ('sent_at', None)), fields=['created_at'], name='bookings_mail_owed'),
        ),
        AddIndexGently(
            model_name='booking',
            index=models.Index(condition=models.Q(('forgotten_at__isnull', True)), fields=['slot_end'], name='bookings_remembered'),
        ),
    ]
