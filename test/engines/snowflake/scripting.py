"""Carries out a Snowflake Scripting block statement by statement: as much of the language as exportd's commits are written in."""

import re

from fakesnow.rowtype import describe_as_rowtype

BLOCK = re.compile(r"\s*EXECUTE\s+IMMEDIATE\s+\$\$(.*)\$\$\s*;?\s*$", re.S | re.I)


class Raised(Exception):
    """An exception of the block's own that nobody handled."""

    def __init__(self, name, code, message):
        super().__init__(f"Uncaught exception of type '{name.upper()}' on line 1 at position 0 : {message}")
        self.code, self.state = code, "P0001"


def is_block(sql):
    return BLOCK.match(sql) is not None


def statements_of(text):
    """At each `;` that is not part of a text."""
    return [each.strip() for each in re.findall(r"((?:'(?:[^'\\]|''|\\.)*'|[^;'])+)(?:;|$)", text) if each.strip()]


def run_block(cursor, sql, locks):
    """(table, rowtype) of what it returns. Whatever fails rolls back, as its handler says."""
    text = BLOCK.match(sql)[1]
    declared, _, rest = re.match(r"\s*DECLARE(.*?)\bBEGIN\b(\s)(.*)", text, re.S).groups()
    body, handled, handler = rest.partition("EXCEPTION\n")
    if not handled or statements_of(handler) != ["WHEN OTHER THEN\n    ROLLBACK", "RAISE", "END"]:
        raise ValueError(f"no handler that is known here: {handler}")
    exceptions, values = {}, {}
    for each in statements_of(declared):
        if match := re.match(r"(\w+) EXCEPTION \((-\d+), '(.*)'\)$", each):
            exceptions[match[1]] = (match[1], match[2], match[3])
        elif match := re.match(r"(\w+) (?:INTEGER DEFAULT (\d+)|RESULTSET)$", each):
            values[match[1]] = match[2]
        else:
            raise ValueError(f"cannot declare {each}")
    try:
        return run(cursor, statements_of(body), values, exceptions, locks)
    except BaseException:
        cursor.execute("ROLLBACK", server=True)
        raise


def run(cursor, statements, values, exceptions, locks):
    affected, returned, skipping = 0, None, 0
    lock = next((m[1] for each in statements if (m := re.search(r"\bUPDATE (\S+_EXPORTD_LOCK_\S+) ", each))), None)
    for each in statements:
        while match := re.match(r"IF \((.*?)\) THEN\s+(.*)", each, re.S):
            each = match[2]
            if skipping or not holds(match[1], {**values, "SQLROWCOUNT": affected}):
                skipping += 1
        if each == "END IF":
            skipping = max(0, skipping - 1)
        elif skipping:
            continue
        elif match := re.match(r"RAISE (\w+)$", each):
            raise Raised(*exceptions[match[1]])
        elif match := re.match(r"(\w+) := SQLROWCOUNT$", each):
            values[match[1]] = affected
        elif match := re.match(r"SELECT (.*) INTO :(\w+)\s+(FROM .*)", each, re.S):
            values[match[2]] = rows(cursor, f"SELECT {match[1]} {match[3]}")[0].column(0)[0].as_py()
        elif match := re.match(r"(\w+) := \((SELECT .*)\)$", each, re.S):
            values[match[1]] = rows(cursor, match[2])
        elif match := re.match(r"RETURN TABLE\((\w+)\)$", each):
            returned = values[match[1]]
        else:
            if each == "BEGIN TRANSACTION" and lock is not None:
                # DuckDB sees what was committed when its transaction began: it begins once its turn has come.
                locks.take(lock.replace('"', "").upper(), cursor._conn)
            cursor.execute(each, server=True)
            affected = cursor.rowcount
    return returned


def holds(condition, values):
    name, operator, number = re.match(r"(\w+) (=|!=) (\d+)$", condition).groups()
    return (int(values[name]) == int(number)) == (operator == "=")


def rows(cursor, sql):
    cursor.execute(sql, server=True)
    return cursor._arrow_table, describe_as_rowtype(cursor._describe_last_sql())
