from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('connections', '0005_labels'),
    ]

    operations = [
        migrations.AddField(
            model_name='knownschema',
            name='former',
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name='knownschema',
            name='changes',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='knownschema',
            name='doubted',
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='knownschema',
            name='notes',
            field=models.JSONField(default=dict),
        ),
    ]
