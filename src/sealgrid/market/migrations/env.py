"""Alembic's entry: bring a market's database, which is handed over as an open connection, to the newest revision."""

from alembic import context

from sealgrid.market.store import META

context.configure(connection=context.config.attributes["connection"], target_metadata=META, render_as_batch=True)
context.run_migrations()
