"""Tables that a transaction of one session holds and others wait for, as Snowflake's do; DuckDB's would fail at once."""

import threading

import snowflake.connector.errors


class Locks:
    def __init__(self):
        self.changed = threading.Condition()
        self.holders = {}

    def take(self, table, conn):
        """Waits as long as the session's LOCK_TIMEOUT says."""
        patience = float(getattr(conn, "settings", {}).get("LOCK_TIMEOUT", 43200))
        with self.changed:
            if not self.changed.wait_for(lambda: self.holders.get(table, conn) is conn, patience):
                raise snowflake.connector.errors.ProgrammingError(
                    msg=f"Statement 'x' has locked table '{table}' in transaction 1 and this lock has not yet been released.",
                    errno=625,
                    sqlstate="57014",
                )
            self.holders[table] = conn

    def release(self, conn):
        with self.changed:
            self.holders = {table: holder for table, holder in self.holders.items() if holder is not conn}
            self.changed.notify_all()
