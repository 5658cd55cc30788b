from django.db import migrations, models

from portal.migration_steps import AddIndexGently


class Migration(migrations.Migration):

    # PostgreSQL builds the index while others write.
    atomic = False

    dependencies = [
        ("vouchers", "0005_claim_epoch"),
    ]

    operations = [
        AddIndexGently(
            model_name="voucher",
            index=models.Index(fields=["holder_uid", "id"], name="vouchers_of_holder"),
        ),
    ]
