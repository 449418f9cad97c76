"""`parse.py FILE`: whether every statement of a dump (one {"sql"} a line) is Snowflake's SQL, as far as sqlglot can tell.

A block is taken apart, and its statements parsed one by one. PUT, LIST and REMOVE, of which sqlglot knows too little, and
what it only carries along as text, are held against patterns. Beyond parsing: a reserved word must be quoted where it
names something, and nothing may be cast as DuckDB does; the emulator lets these pass, Snowflake does not.
"""

import json
import re
import sys

import sqlglot
from scripting import BLOCK, statements_of
from sqlglot import exp

# Of columns and of tables: https://docs.snowflake.com/en/sql-reference/reserved-keywords
RESERVED = set(
    """ACCOUNT ALL ALTER AND ANY AS BETWEEN BY CASE CAST CHECK COLUMN CONNECT CONSTRAINT CREATE CROSS CURRENT DATABASE DELETE
    DISTINCT DROP ELSE EXISTS FALSE FOLLOWING FOR FROM FULL GRANT GROUP GSCLUSTER HAVING ILIKE IN INCREMENT INNER INSERT
    INTERSECT INTO IS ISSUE JOIN LATERAL LEFT LIKE LOCALTIME LOCALTIMESTAMP MINUS NATURAL NOT NULL OF ON OR ORDER
    ORGANIZATION QUALIFY REGEXP REVOKE RIGHT RLIKE ROW ROWS SAMPLE SCHEMA SELECT SET SOME START TABLE TABLESAMPLE THEN TO
    TRIGGER TRUE TRY_CAST UNION UNIQUE UPDATE USING VALUES VIEW WHEN WHENEVER WHERE WITH""".split()
)

NAME = r'"(?:[A-Z_0-9$]|"")+"'
STAGED = rf"@{NAME}\.{NAME}\.{NAME}/[\w/.-]*"
PATTERNS = [
    re.compile(rf"PUT 'file:///(?:[^'\\]|\\')*' {STAGED} AUTO_COMPRESS=FALSE OVERWRITE=TRUE"),
    re.compile(rf"(LIST|REMOVE) {STAGED}"),
    re.compile(r"ALTER SESSION SET(?: \w+ = (?:\w+|'\w*'))+"),
    re.compile(rf"CREATE STAGE (IF NOT EXISTS )?{NAME}\.{NAME}\.{NAME}\s+ENCRYPTION = \(TYPE = 'SNOWFLAKE_SSE'\)(\s+COMMENT = '[^']*')?"),
    re.compile(rf"DROP STAGE {NAME}\.{NAME}\.{NAME}"),
    # sqlglot reads IF NOT EXISTS of the first column alone.
    re.compile(rf"ALTER TABLE {NAME}\.{NAME}\.{NAME} ADD COLUMN\s+IF NOT EXISTS {NAME} [A-Z_]+(\(\d+,\d+\))?( COMMENT '(?:[^'\\]|''|\\.)*')?(,\s+IF NOT EXISTS {NAME} [A-Z_]+(\(\d+,\d+\))?( COMMENT '(?:[^'\\]|''|\\.)*')?)*"),
]

# What of a block is no statement of SQL.
CONTROL = re.compile(
    r"(BEGIN TRANSACTION|COMMIT|ROLLBACK|END( IF)?|RAISE( \w+)?|\w+ := SQLROWCOUNT|RETURN TABLE\(\w+\)"
    r"|\w+ EXCEPTION \(-20\d{3}, '[^']*'\)|\w+ (INTEGER DEFAULT \d+|RESULTSET))",
    re.S,
)
BEFORE = re.compile(r"(DECLARE|BEGIN(?! TRANSACTION)|EXCEPTION|WHEN OTHER THEN|IF \(\w+ (=|!=) \d+\) THEN)\s+")


def parts(sql):
    """The statements of SQL in it."""
    block = BLOCK.match(sql)
    if block is None:
        return [sql]
    found = []
    for each in statements_of(block[1]):
        while before := BEFORE.match(each):
            each = each[before.end() :]
        if CONTROL.fullmatch(each):
            continue
        if match := re.fullmatch(r"\w+ := \((SELECT .*)\)", each, re.S):
            each = match[1]
        found.append(re.sub(r"^(SELECT .*?) INTO :\w+(\s+FROM )", r"\1\2", each, flags=re.S))
    return found


def problems(sql):
    if any(pattern.fullmatch(sql) for pattern in PATTERNS):
        return []
    try:
        tree = sqlglot.parse_one(sql, dialect="snowflake")
    except Exception as error:
        return [f"is none of Snowflake's: {error}"]
    if isinstance(tree, exp.Command):
        return ["is a command that nothing here knows"]
    wrong = {
        f"{node.name} is a reserved word and stands unquoted"
        for node in tree.find_all(exp.Identifier)
        if not node.args.get("quoted") and node.name.upper() in RESERVED
    }
    # What is quoted is quoted in capitals: else people would have to quote it too.
    wrong |= {
        f"{node.name} is quoted in small letters"
        for node in tree.find_all(exp.Identifier)
        if node.args.get("quoted") and node.name != node.name.upper()
    }
    return sorted(wrong)


statements = {}
with open(sys.argv[1]) as dump:
    for line in dump:
        for part in parts(json.loads(line)["sql"]):
            shape = re.sub(r"[0-9A-Fa-f]{8}[_-][0-9A-Fa-f_-]{27,}", "id", part)
            statements.setdefault(shape, part)
failed = 0
for statement in statements.values():
    for problem in problems(statement):
        failed += 1
        print(f"{problem}:\n{statement}\n", file=sys.stderr)
print(f"{len(statements)} different statements parsed as Snowflake's SQL, {failed} problems")
sys.exit(1 if failed or not statements else 0)
