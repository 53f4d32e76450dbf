/**
 * A Python program for `manage.py shell -c`: prints one line, `diveops-migrations {json}`, with what
 * Django's own loader and the database say. `ALIAS` is put before it: which of the databases. It
 * reads and writes nothing else. For each operation of a pending migration it tells what that means for
 * the release that still serves: `breaks` its queries, `locks` a table meanwhile, or `unknown`.
 */
export const DJANGO_PROGRAM = `
import json, time
from django.db import connections
from django.db.utils import OperationalError
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.db.models.fields import NOT_PROVIDED

connection = connections[ALIAS]

# What touches no column that another release uses, or waits for nothing.
HARMLESS = {
    'CreateModel', 'AlterModelOptions', 'AlterModelManagers', 'AlterModelTableComment',
    'RemoveConstraint', 'RemoveIndex', 'RenameIndex', 'AlterConstraint', 'RunPython',
    'CreateExtension', 'CreateCollation', 'RemoveCollation', 'ValidateConstraint',
    'AddConstraintNotValid', 'AddIndexConcurrently', 'RemoveIndexConcurrently',
}
OUTRIGHT = {
    'DeleteModel': 'its table is dropped',
    'RenameModel': 'its table is renamed',
    'AlterModelTable': 'its table is renamed',
    'RemoveField': 'the column is dropped',
    'RenameField': 'the column is renamed',
    'AlterOrderWithRespectTo': 'a column NOT NULL is added or one is dropped',
}
LOCKING = {
    'AddIndex': 'writes wait while the index is built; AddIndexConcurrently avoids it',
    'AddConstraint': 'the table is locked while its rows are checked',
    'AlterUniqueTogether': 'writes wait while an index is built',
    'AlterIndexTogether': 'writes wait while an index is built',
}

def has_default(field):
    return getattr(field, 'db_default', NOT_PROVIDED) is not NOT_PROVIDED

def column_type(field):
    try:
        return field.db_type(connection)
    except Exception:
        return type(field).__name__

def added(field):
    if field.many_to_many or column_type(field) is None:
        return None, ''
    if getattr(field, 'generated', False):
        return 'locks', 'the table is locked while all rows are written'
    if not field.null and not has_default(field):
        return 'breaks', 'NOT NULL without a default in the database (db_default): what it inserts is refused'
    if field.unique or field.db_index:
        return 'locks', 'writes wait while the index is built'
    return None, ''

def altered(old, new):
    if old.many_to_many != new.many_to_many or old.db_column != new.db_column:
        return 'breaks', 'the column becomes another'
    if old.null and not new.null:
        return 'breaks', 'NOT NULL: what it writes without a value is refused'
    if has_default(old) and not has_default(new) and not new.null:
        return 'breaks', 'NOT NULL and the default in the database goes: what it inserts may be refused'
    before, after = column_type(old), column_type(new)
    if before != after:
        shorter = (old.max_length or 0) > (new.max_length or 0) > 0
        if shorter:
            return 'breaks', 'what it writes may be too long'
        if type(old) is not type(new) or not new.max_length:
            return 'locks', 'the table is locked while all rows are written (%s to %s)' % (before, after)
    if (new.unique and not old.unique) or (new.db_index and not old.db_index):
        return 'locks', 'writes wait while the index is built'
    return None, ''

def judge(operation, app, state, fresh):
    kinds = [kind.__name__ for kind in type(operation).__mro__]
    kind = next((each for each in kinds if each in HARMLESS or each in OUTRIGHT or each in LOCKING
                 or each in ('AddField', 'AlterField', 'SeparateDatabaseAndState')), None)
    if kind == 'SeparateDatabaseAndState':
        found = [judge(each, app, state, fresh) for each in operation.database_operations]
        return next((each for risk in ('breaks', 'unknown', 'locks') for each in found if each[0] == risk), (None, ''))
    if kind is None:
        return 'unknown', 'what it does to the tables is not known'
    if kind in HARMLESS:
        return None, ''
    model = getattr(operation, 'model_name', None) or getattr(operation, 'name', None) or getattr(operation, 'old_name', '')
    model = model.lower()
    if (app, model) in fresh:
        return None, ''
    if kind in OUTRIGHT:
        return 'breaks', OUTRIGHT[kind]
    if kind in LOCKING:
        return 'locks', LOCKING[kind]
    if kind == 'AddField':
        return added(operation.field)
    try:
        old = dict(state.models[app, model].fields)[operation.name]
    except KeyError:
        return 'unknown', 'the field as it was is not known'
    return altered(old, operation.field)

def pending_migrations(executor):
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    state = executor._create_project_state(with_applied_migrations=True)
    fresh, told = set(), []
    for migration, _ in plan:
        app, operations = migration.app_label, []
        for operation in migration.operations:
            try:
                risk, why = judge(operation, app, state, fresh)
            except Exception as error:
                risk, why = 'unknown', '%s: %s' % (type(error).__name__, error)
            operations.append({'what': operation.describe(), 'risk': risk, 'why': why})
            if type(operation).__name__ == 'CreateModel':
                fresh.add((app, operation.name_lower))
            operation.state_forwards(app, state)
        told.append({'name': '%s.%s' % (app, migration.name), 'operations': operations})
    return told

deadline = time.monotonic() + 30
while True:
    try:
        connection.ensure_connection()
        break
    except OperationalError:
        if time.monotonic() > deadline:
            raise
        time.sleep(0.25)
executor = MigrationExecutor(connection)
settings = connection.settings_dict
print('diveops-migrations ' + json.dumps({
    'database': {'vendor': connection.vendor, 'name': str(settings.get('NAME')), 'host': str(settings.get('HOST'))},
    'applied': sorted('.'.join(key) for key in MigrationRecorder(connection).applied_migrations()),
    'known': sorted('.'.join(key) for key in executor.loader.disk_migrations),
    'pending': pending_migrations(executor),
}))
`
