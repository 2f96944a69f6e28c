"""Alembic's entry: runs the migrations on the connection that `knect.ledger.store.database` opened.

Must not: open connections of its own or be used from the command line.
"""

from alembic import context

from knect.ledger.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
    context.config.attributes["before_commit"]()
