"""Prompts: reusable ways to begin."""

from mcp_servers_shared.app import Server
from mcp_servers_shared.errors import NotFound, ServerError
from mcp_servers_shared.guard.untrusted import fence, visible
from mcp_servers_shared.tooling import carried
from mcp_servers_sqlite.app import SqliteApp, current_app


def register(server: Server) -> None:
    """Add the prompts to `server`."""
    server.prompt(title="Analyze a table")(carried(analyze_table))
    server.prompt(title="Debug a query")(carried(debug_query))
    server.prompt(title="Optimize a query")(carried(optimize_query))
    server.prompt(name="mcp-demo", title="Demo with a topic of your choice")(carried(mcp_demo))


async def analyze_table(table_name: str, column: str | None = None) -> str:
    """What is in a table, what is wrong with it, what would help."""
    app = current_app()
    known = "\n\n".join([part for part in [await _described(app, one, table_name) for one in app.databases] if part])
    known = known or f"(No table of that name here; start with list_tables to find {table_name!r}.)"
    focus = f" Look at the column {column!r} above all." if column else ""
    return (
        f"Analyze the table {table_name!r}.{focus}\n\nIts schema:\n\n{known}\n\n"
        "1. Profile it with profile_table: sizes, nulls, distinct values, ranges, types that do not fit the column.\n"
        "2. Look at a few rows with query_database, values in params.\n"
        "3. Name what is wrong: missing keys or indexes, repeated data, mixed types, orphaned references. "
        "Show the query that proves each point.\n"
        "4. Propose improvements in order of effect, each as SQL, and say what explain_query shows before and after."
    )


async def _described(app: SqliteApp, database: str, table_name: str) -> str:
    """The table as marked data; why not, where the database cannot be read; nothing where it has no such table."""
    room = max(1_000, app.room // (2 * len(app.databases)))
    try:
        reply = await app.run(
            "describe_table", database, {"table_name": table_name, "sample_rows": 0, "max_chars": room}
        )
    except NotFound:
        return ""
    except ServerError as error:
        if len(app.databases) == 1:
            raise
        return f"(Database {database}: {visible(error.for_model(), escape_layout=True)})"
    return fence(reply["text"], f"database {database}")


async def debug_query(error_message: str, sql: str | None = None) -> str:
    """Find out why a query fails and repair it."""
    statement = f"\n\nThe query:\n\n{sql}" if sql else ""
    return (
        f"A SQLite query failed.\n\nError: {error_message}{statement}\n\n"
        "1. Say what the error means and which part of the query causes it.\n"
        "2. Check the names with search_schema and describe_table before you guess.\n"
        "3. Write the corrected query, values as parameters, and run it with query_database.\n"
        "4. Say in one sentence what was wrong."
    )


async def optimize_query(sql: str) -> str:
    """Make a query faster, with its plan as evidence."""
    app = current_app()
    plan = "(Name the database and run explain_query first: this server has several.)"
    if len(app.databases) == 1:
        reply = await app.run("explain", app.database(None), {"sql": sql, "params": None, "max_chars": app.room // 2})
        plan = fence(reply["text"], f"database {app.database(None)}")
    return (
        f"Make this SQLite query faster without changing its result.\n\n{sql}\n\nIts plan now:\n\n{plan}\n\n"
        "1. Name the costly steps: full scans, temporary b-trees, repeated subqueries, cartesian products.\n"
        "2. Propose rewrites and indexes, the most effective first, and check each rewrite with explain_query.\n"
        "3. Show that old and new return the same rows on a bounded sample.\n"
        "4. Say what each index costs on writes."
    )


async def mcp_demo(topic: str) -> str:
    """A guided tour on invented data about a topic."""
    return (
        f"Give a short guided tour of this SQLite server on the topic {topic!r}.\n\n"
        "1. Invent a small business question about the topic and say it in two sentences.\n"
        "2. Create two or three tables for it with create_table and fill them with write_query. Each write is shown "
        "as a preview first; ask the user to agree. If writing is switched off, say so and use the existing tables.\n"
        "3. Answer the question with three read_query calls, each with one sentence about what it shows.\n"
        "4. Keep every finding with append_insight, then read memo://insights and close with a summary."
    )
