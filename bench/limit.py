"""What the machine allows: POST, download, DELETE + INSERT, a transaction a period, nothing checked.

usage: limit.py BASE_URL DATABASE SCRATCH_FILE FROM TO
"""
import datetime
import json
import os
import sys
import urllib.request

import duckdb

base, database, scratch, first, last = sys.argv[1:6]
COLUMNS = {
    "period_start": "DATE", "period_end": "DATE", "org_id": "VARCHAR", "user_id": "VARCHAR", "email": "VARCHAR",
    "name": "VARCHAR", "period": "DATE", "created_at": "TIMESTAMP", "last_seen_at": "TIMESTAMP",
    **{f"c{i}": "BIGINT" for i in range(1, 11)},
    "spend": "DECIMAL(18,4)", "score": "DECIMAL(18,2)", "tags_json": "VARCHAR", "features_json": "VARCHAR",
}
table = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
names = "{" + ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items()) + "}"
connection = duckdb.connect(database)
connection.execute(f"CREATE TABLE IF NOT EXISTS users ({table})")
day = datetime.date.fromisoformat(first)
while day <= datetime.date.fromisoformat(last):
    body = json.dumps({
        "from": {"date": f"{day}T00:00:00.000Z", "timezone": "UTC"},
        "to": {"date": f"{day}T23:59:59.999Z", "timezone": "UTC"},
    }).encode()
    request = urllib.request.Request(f"{base}/export/users/csv", body, {"content-type": "application/json"})
    url = json.load(urllib.request.urlopen(request))["data"]["downloadUrl"]
    with urllib.request.urlopen(url) as response, open(scratch, "wb") as file:
        while block := response.read(1 << 20):
            file.write(block)
    connection.execute("BEGIN")
    connection.execute("DELETE FROM users WHERE period = ?", [day])
    connection.execute(
        f"INSERT INTO users SELECT * FROM read_csv('{scratch}', header=true, auto_detect=false, columns={names},"
        " delim=',', quote='\"', escape='\"')"
    )
    connection.execute("COMMIT")
    os.unlink(scratch)
    day += datetime.timedelta(1)
connection.close()
