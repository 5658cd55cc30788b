from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ("vouchers", "0006_vouchers_of_holder"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="voucher",
            name="vouchers_held",
        ),
    ]
