"""`parse.py FILE`: whether every statement of a dump (one {"sql", …} a line) is GoogleSQL, as far as sqlglot can tell.

Scripts are read by the emulator whole, and statement by statement by sqlglot. Beyond parsing: a reserved word must be quoted where it names
something, every parameter must be given and every given one used; the emulator lets these pass, BigQuery does not.
"""

import json
import re
import sys

import sqlglot
from local_bigquery.sql import script
from sqlglot import exp

RESERVED = set(
    """ALL AND ANY ARRAY AS ASC ASSERT_ROWS_MODIFIED AT BETWEEN BY CASE CAST COLLATE CONTAINS CREATE CROSS CUBE CURRENT
    DEFAULT DEFINE DESC DISTINCT ELSE END ENUM ESCAPE EXCEPT EXCLUDE EXISTS EXTRACT FALSE FETCH FOLLOWING FOR FROM FULL
    GROUP GROUPING GROUPS HASH HAVING IF IGNORE IN INNER INTERSECT INTERVAL INTO IS JOIN LATERAL LEFT LIKE LIMIT LOOKUP
    MERGE NATURAL NEW NO NOT NULL NULLS OF ON OR ORDER OUTER OVER PARTITION PRECEDING PROTO QUALIFY RANGE RECURSIVE
    RESPECT RIGHT ROLLUP ROWS SELECT SET SOME STRUCT TABLESAMPLE THEN TO TREAT TRUE UNBOUNDED UNION UNNEST USING WHEN
    WHERE WINDOW WITH WITHIN""".split()
)


# What of a script is no statement of SQL; what is left of `IF … THEN` is its condition, as a query.
CONTROL = re.compile(
    r"^(DECLARE \w+ \w+ DEFAULT \d+|(BEGIN|COMMIT) TRANSACTION|END IF|SET \w+ = @@row_count|RAISE USING MESSAGE = .*)$", re.S
)
CONDITION = re.compile(r"^IF (.*?) THEN\s+(.*)$", re.S)


def statements_of(sql):
    for piece in (piece.strip() for piece in sql.split(";")):
        while condition := CONDITION.match(piece):
            yield f"SELECT {condition[1].replace('@@row_count', '0')}"
            piece = condition[2]
        if piece and not CONTROL.match(piece):
            yield piece


def problems(statement):
    sql = statement["sql"]
    try:
        script.parse_script(sql)
        found = [sqlglot.parse_one(each, dialect="bigquery") for each in statements_of(sql)]
    except Exception as error:
        return [f"is no GoogleSQL: {error}"]
    wrong = {
        f"{node.name} is a reserved word and stands unquoted"
        for tree in found
        for node in tree.find_all(exp.Identifier)
        if not node.args.get("quoted") and node.name.upper() in RESERVED
    }
    wrong |= {"casts by ::" for _ in re.findall(r"\w::\w", sql)}
    used = set(re.findall(r"(?<!@)@(\w+)", sql))
    given = {parameter["name"] for parameter in statement["params"]}
    wrong |= {f"@{name} is not given" for name in used - given} | {f"@{name} is not used" for name in given - used}
    return sorted(wrong)


statements = {}
with open(sys.argv[1]) as dump:
    for line in dump:
        statement = json.loads(line)
        shape = re.sub(r"[tes]_[0-9a-f_]{30,}", "dataset", statement["sql"])
        statements.setdefault(shape, statement)
failed = 0
for statement in statements.values():
    for problem in problems(statement):
        failed += 1
        print(f"{problem}:\n{statement['sql']}\n", file=sys.stderr)
print(f"{len(statements)} different statements parsed as GoogleSQL, {failed} problems")
sys.exit(1 if failed or not statements else 0)
