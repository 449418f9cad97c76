"""fakesnow answering as Snowflake answers its Node driver: `serve.py PORT [USERS.json]`. Ends with its stdin.

USERS.json: {"USER": {"password": "…", "publicKey": "<PEM>"}}: passwords and key-pair JWTs are checked; without it anything
logs in. POST /_test/drop-sessions?user=U&database=D: their sessions are gone, and open transactions with them. Here fakesnow is given what
it lacks (scripting.py: blocks; locks that are waited for; one answer per request id; LIST and REMOVE of a path) and made
to refuse what Snowflake refuses.
"""

import asyncio
import base64
import datetime as dt
import gzip
import hashlib
import json
import os
import re
import sys
import threading

import duckdb
import fakesnow.copy_into as copy_into
import fakesnow.cursor as fakesnow_cursor
import fakesnow.server as server
import fakesnow.transforms.stage as stage
import jwt
import snowflake.connector.errors
import uvicorn
from cryptography.hazmat.primitives import serialization
from fakesnow.instance import FakeSnow
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.routing import Route

from locks import Locks
from scripting import Raised, is_block, run_block

# ---- What the driver is answered: rows as JSON, as it reads no Arrow, and formats without which it reads no times.

FORMATS = {
    "BINARY_OUTPUT_FORMAT": "HEX",
    "DATE_OUTPUT_FORMAT": "YYYY-MM-DD",
    "TIME_OUTPUT_FORMAT": "HH24:MI:SS",
    "TIMESTAMP_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM",
    "TIMESTAMP_NTZ_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF3",
    "TIMESTAMP_LTZ_OUTPUT_FORMAT": "",
    "TIMESTAMP_TZ_OUTPUT_FORMAT": "",
}
PARAMETERS = [{"name": name, "value": value} for name, value in FORMATS.items()]
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
MARK = b"JSONROWS"


def wire(value, kind):
    """One value as Snowflake writes it."""
    if value is None:
        return None
    if kind == "boolean":
        return "1" if value else "0"
    if kind == "date":
        return str((value - EPOCH.date()).days)
    if kind.startswith("timestamp"):
        delta = (value if value.tzinfo else value.replace(tzinfo=dt.timezone.utc)) - EPOCH
        micros = (delta.days * 86400 + delta.seconds) * 10**6 + delta.microseconds
        text = f"{micros // 10**6}.{micros % 10**6:06d}000"
        return text + " 1440" if kind == "timestamp_tz" else text
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)


def rows_of(table, rowtype):
    columns = [[wire(v, c["type"]) for v in column.to_pylist()] for column, c in zip(table.columns, rowtype)]
    return [list(row) for row in zip(*columns)]


def failure(code, message, state=None):
    return {"data": {"errorCode": code, "sqlState": state}, "code": code, "message": message, "success": False}


SESSION_GONE = failure("390112", "Your session has expired. Please login again.", "08001")


class Answer(JSONResponse):
    def __init__(self, content=None, status_code=200, **more):
        if isinstance(content, dict) and not content.get("success", True):
            if status_code == 500:
                content, status_code = failure("000603", f"SQL execution internal error: {content['message']}", "XX000"), 200
            if content["code"] == "390104":
                content, status_code = SESSION_GONE, 200
        super().__init__(content, status_code, **more)

    def render(self, content):
        data = content.get("data") if isinstance(content, dict) else None
        if isinstance(data, dict) and "queryResultFormat" in data:
            if data["queryResultFormat"] == "arrow":
                raw = base64.b64decode(data.pop("rowsetBase64"))
                data["rowset"] = json.loads(raw[len(MARK) :]) if raw else []
                data["queryResultFormat"] = "json"
            data.setdefault("returned", len(data["rowset"]))
            data.setdefault("version", 1)
            data.setdefault("statementTypeId", 4096)
            data["parameters"] = PARAMETERS + data.get("parameters", [])
        return super().render(content)


server.to_sf = rows_of
server.to_ipc = lambda rows: MARK + json.dumps(rows).encode()
server.JSONResponse = Answer
# Client and server share a disk here.
server.gcs_stage_info = lambda request, expr, data: data["stageInfo"]
# Snowflake makes neither at a login.
server.shared_fs = FakeSnow(create_database_on_connect=False, create_schema_on_connect=False)

# ---- COPY INTO: by name in any case, and from a path below a stage


def describe(table, duck, database, schema):
    quoted = lambda *names: ".".join('"' + name.replace('"', '""') + '"' for name in names)
    rows = duck.execute("DESCRIBE " + quoted(table.catalog or database, table.db or schema, table.name)).fetchall()
    return [(row[0], row[1]) for row in rows]


def match(names, targets, mode):
    upper = {name.upper(): name for name in names}
    return {target: upper[target.upper()] for target in targets if target.upper() in upper}


copy_into._describe_table = describe
copy_into._get_table_columns = lambda *given: [name for name, _ in describe(*given)]
copy_into._match_parquet_columns = match

# ---- Statements

OK = "SELECT 'Statement executed successfully.' AS \"status\""
DDL = re.compile(r"\s*(CREATE|ALTER(?!\s+SESSION)|DROP|UNDROP|COMMENT|GRANT|REVOKE)\b", re.I)
# What Snowflake takes of one statement, in bytes.
LONGEST = 1 << 20
LOST_RACE = re.compile(r"write-write conflict|Transaction conflict|TransactionContext Error", re.I)
locks = Locks()
plain_execute = fakesnow_cursor.FakeSnowflakeCursor.execute
quote = lambda text: "'" + text.replace("'", "''") + "'"


def refuse(message, errno=1003, state="42000"):
    raise snowflake.connector.errors.ProgrammingError(msg=message, errno=errno, sqlstate=state)


def stage_files(cursor, target):
    """(what LIST says of it, its path) of the files under @stage/prefix."""
    variable, _, prefix = target.strip("'").lstrip("@").partition("/")
    database, schema, name = stage.parts_from_var(variable, cursor._conn.database, cursor._conn.schema)
    plain_execute(cursor, f'LIST @"{database}"."{schema}"."{name}"', server=True)
    rows = cursor._arrow_table.to_pylist() if cursor._arrow_table else []
    root = stage.internal_dir(f"{database}.{schema}.{name}")
    named = [(row, row["name"].partition("/")[2]) for row in rows]
    return [(row, os.path.join(root, rest)) for row, rest in named if rest.startswith(prefix)]


def listed(rows, columns):
    """A SELECT of them."""
    if not rows:
        return "SELECT " + ", ".join(f"'' AS \"{column}\"" for column in columns) + " WHERE FALSE"
    return " UNION ALL ".join(
        "SELECT " + ", ".join(f'{quote(str(row[column]))} AS "{column}"' for column in columns) for row in rows
    )


def remove(cursor, target):
    files = stage_files(cursor, target)
    for _, path in files:
        try:
            os.remove(path)
        except FileNotFoundError:
            pass  # Another session removed it.
    return listed([{"name": row["name"], "result": "removed"} for row, _ in files], ["name", "result"])


def execute(cursor, command, params=None, *args, **more):
    conn = cursor._conn
    if not more.get("server"):
        return plain_execute(cursor, command, params, *args, **more)
    is_open = getattr(conn, "is_open", False)
    if DDL.match(command) and is_open:
        # Snowflake commits before DDL.
        execute(cursor, "COMMIT", server=True)
    if re.match(r"\s*BEGIN\b", command, re.I):
        conn.is_open = True
    elif match_ := re.match(r"\s*UPDATE\s+(\S+_EXPORTD_LOCK_\S+)", command, re.I):
        locks.take(match_[1].replace('"', "").upper(), conn)
        if not is_open:
            try:
                return plain_execute(cursor, command, params, *args, **more)
            finally:
                locks.release(conn)
    elif re.match(r"\s*(COMMIT|ROLLBACK)\b", command, re.I):
        conn.is_open = False
        try:
            return plain_execute(cursor, command, params, *args, **more)
        finally:
            locks.release(conn)
    elif re.match(r"\s*ALTER\s+SESSION\b", command, re.I):
        conn.settings = {**getattr(conn, "settings", {}), **dict(re.findall(r"(\w+)\s*=\s*('[^']*'|\w+)", command))}
        command = OK
    elif match_ := re.match(r"\s*DROP\s+STAGE\s+(\S+)", command, re.I):
        database, schema, name = match_[1].replace('"', "").split(".")
        where = f"database_name = {quote(database)} AND schema_name = {quote(schema)} AND name = {quote(name)}"
        conn._duck_conn.execute(f"DELETE FROM _fs_global._fs_information_schema._fs_stages WHERE {where}")
        command = OK
    elif re.match(r"\s*COMMENT\s+ON\s+COLUMN\b", command, re.I):
        command = OK
    elif match_ := re.match(r"\s*LIST\s+('?@[^\s;]+)", command, re.I):
        rows = [row for row, _ in stage_files(cursor, match_[1])]
        command = listed(rows, ["name", "size", "md5", "last_modified"])
    elif match_ := re.match(r"\s*REMOVE\s+('?@[^\s;]+)", command, re.I):
        command = remove(cursor, match_[1])
    command = re.sub(r"\bCURRENT_WAREHOUSE\s*\(\s*\)", "'WH'", command, flags=re.I)
    command = re.sub(r"\bCURRENT_ROLE\s*\(\s*\)", "'EXPORTD'", command, flags=re.I)
    command = re.sub(r"\s+ENCRYPTION\s*=\s*\(TYPE\s*=\s*'SNOWFLAKE_SSE'\)", "", command, flags=re.I)
    for attempt in range(20):
        try:
            plain_execute(cursor, command, params, *args, **more)
            break
        except (duckdb.Error, snowflake.connector.errors.Error) as error:
            # DuckDB lets the second of two sessions fail where Snowflake lets it wait.
            if getattr(conn, "is_open", False) or attempt == 19 or not LOST_RACE.search(str(error)):
                raise
    data = cursor._last_transformed.args.get("put_stage_data") if cursor._last_transformed else None
    if data is not None:
        data["overwrite"] = re.search(r"\bOVERWRITE\s*=\s*TRUE\b", command, re.I) is not None
    return cursor


fakesnow_cursor.FakeSnowflakeCursor.execute = execute

# ---- Sessions

users = None
running, cancelled = {}, set()
# The answer to a request that is sent again is the first one's.
answered, asked = {}, threading.Lock()
plain_query, plain_login = server.query_request, server.login_request


async def body_of(request):
    raw = await request.body()
    return json.loads(gzip.decompress(raw) if request.headers.get("Content-Encoding") == "gzip" else raw or b"{}")


def refused(data):
    user = users.get(str(data.get("LOGIN_NAME", "")).upper())
    if data.get("AUTHENTICATOR") == "SNOWFLAKE_JWT":
        try:
            key = serialization.load_pem_public_key(user["publicKey"].encode())
            spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
            # The driver writes iat and exp in milliseconds.
            claims = jwt.decode(data["TOKEN"], key, algorithms=["RS256"], options={"verify_iat": False})
            fingerprint = base64.b64encode(hashlib.sha256(spki).digest()).decode()
            if claims["iss"] != f"{claims['sub']}.SHA256:{fingerprint}":
                raise ValueError
            if claims["sub"].rpartition(".")[2] != str(data["LOGIN_NAME"]).upper():
                raise ValueError
        except Exception:
            return failure("390144", "JWT token is invalid.", "08001")
    elif not user or data.get("PASSWORD") != user.get("password"):
        return failure("390100", "Incorrect username or password was specified.", "08001")


async def login(request):
    data = (await body_of(request))["data"]
    if users is not None and (error := refused(data)):
        return Answer(error)
    response = await plain_login(request)
    conn = server.sessions[json.loads(response.body)["data"]["token"]]
    conn.user, conn.turn = str(data.get("LOGIN_NAME", "")).upper(), asyncio.Lock()
    return response


def answer_block(conn, sql):
    """As plain_query answers: the rows of the block's RETURN TABLE."""
    cursor = conn.cursor()
    try:
        table, rowtype = run_block(cursor, sql, locks)
    except Raised as error:
        return failure(error.code, str(error), error.state)
    except snowflake.connector.errors.Error as error:
        return failure(f"{error.errno:06d}", f"Uncaught exception of type 'STATEMENT_ERROR' : {error.msg}", error.sqlstate)
    return {
        "data": {
            "parameters": [],
            "rowtype": rowtype,
            "rowset": rows_of(table, rowtype),
            "total": table.num_rows,
            "queryId": cursor.sfqid,
            "queryResultFormat": "json",
            "finalDatabaseName": conn.database,
            "finalSchemaName": conn.schema,
        },
        "success": True,
    }


async def query(request):
    request_id, token = request.query_params.get("requestId"), request.headers.get("Authorization", "")[17:-1]
    conn = server.sessions.get(token)
    sql = (await body_of(request)).get("sqlText", "")
    if conn is None:
        return Answer(SESSION_GONE)
    if len(sql.encode()) > LONGEST:
        return Answer(failure("000604", "SQL compilation error: the statement is longer than 1 MB", "42000"))
    if (before := answered.get(request_id)) is not None:
        return before
    # DuckDB's connection does one thing at a time.
    async with conn.turn:
        running[request_id] = conn
        try:
            block = is_block(sql)
            response = Answer(await run_in_threadpool(answer_block, conn, sql)) if block else await plain_query(request)
        finally:
            running.pop(request_id, None)
    if request_id in cancelled:
        cancelled.discard(request_id)
        response = Answer(failure("000604", "SQL execution canceled", "57014"))
    elif token not in server.sessions:
        return Answer(SESSION_GONE)
    answered[request_id] = response
    return response


async def abort(request):
    request_id = (await body_of(request)).get("requestId")
    if conn := running.get(request_id):
        cancelled.add(request_id)
        conn._duck_conn.interrupt()
    return Answer({"data": None, "code": None, "message": None, "success": True})


async def session(request):
    """Snowflake rolls back what a session leaves open that is closed."""
    token = request.headers.get("Authorization", "")[17:-1]
    conn = server.sessions.get(token)
    if conn is not None and request.query_params.get("delete"):
        close([conn])
    return await server.session(request)


def close(connections):
    for conn in connections:
        try:
            conn._duck_conn.close()
        except Exception:
            pass
        locks.release(conn)


async def drop_sessions(request):
    """Those of one user in one database: tests share this server."""
    whose = request.query_params["user"].upper(), request.query_params["database"].upper()
    gone = [conn for conn in server.sessions.values() if (conn.user, conn.database) == whose]
    for token in [token for token, conn in server.sessions.items() if conn in gone]:
        del server.sessions[token]
    for conn in gone:
        conn._duck_conn.interrupt()
    # Closing rolls back what is open.
    threading.Timer(0.2, close, [gone]).start()
    return Answer({"success": True, "dropped": len(gone)})


OWN = {
    "/session/v1/login-request": login,
    "/queries/v1/query-request": query,
    "/queries/v1/abort-request": abort,
    "/session": session,
}
routes = [Route(each.path, OWN[each.path], methods=["POST"]) if each.path in OWN else each for each in server.routes]
routes += [
    Route("/_test/drop-sessions", drop_sessions, methods=["POST"]),
    Route("/telemetry/send", lambda _: Answer({"success": True, "data": "Log Received"}), methods=["POST"]),
    Route("/", lambda _: Answer({"success": True}), methods=["GET"]),
]


def end_with_stdin():
    while os.read(0, 4096):
        pass
    os._exit(0)


if len(sys.argv) > 2:
    with open(sys.argv[2]) as file:
        users = {name.upper(): user for name, user in json.load(file).items()}
threading.Thread(target=end_with_stdin, daemon=True).start()
uvicorn.run(server.Starlette(routes=routes), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
