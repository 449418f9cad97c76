"""What the machine allows BigQuery: POST, download, the same Parquet by DuckDB alone, its upload as a load job.

usage: bigquery_limit.py BASE_URL BIGQUERY_URL DATASET SCRATCH_FILE DAY COUNTERS
Nothing is checked, measured or committed: the load job's table is what it leaves.
"""
import http.client
import json
import os
import sys
import time
import urllib.parse
import urllib.request
import uuid

import duckdb

base, bigquery, dataset, scratch, day, counters = sys.argv[1:7]
COLUMNS = {
    "period_start": "DATE", "period_end": "DATE", "org_id": "VARCHAR", "user_id": "VARCHAR", "email": "VARCHAR",
    "name": "VARCHAR", "period": "DATE", "created_at": "TIMESTAMPTZ", "last_seen_at": "TIMESTAMPTZ",
    **{f"c{i}": "BIGINT" for i in range(1, int(counters) + 1)},
    "spend": "DECIMAL(38,9)", "score": "DECIMAL(38,9)", "tags_json": "VARCHAR", "features_json": "VARCHAR",
}
names = "{" + ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items()) + "}"
metadata = f"""'mock/users/{day}' AS _period_key, DATE '{day}' AS _period_date, TIMESTAMPTZ '{day} 00:00:00+00' AS _period_start,
  TIMESTAMPTZ '{day} 00:00:00+00' + INTERVAL 1 DAY AS _period_end, 'mock' AS _source, '{uuid.uuid4()}' AS _load_id,
  now() AS _extracted_at"""
body = json.dumps({
    "from": {"date": f"{day}T00:00:00.000Z", "timezone": "UTC"},
    "to": {"date": f"{day}T23:59:59.999Z", "timezone": "UTC"},
}).encode()
request = urllib.request.Request(f"{base}/export/users/csv", body, {"content-type": "application/json"})
url = json.load(urllib.request.urlopen(request))["data"]["downloadUrl"]
with urllib.request.urlopen(url) as response, open(scratch, "wb") as file:
    while block := response.read(1 << 20):
        file.write(block)
# As exportd opens its engine.
connection = duckdb.connect(config={"memory_limit": "512MB", "preserve_insertion_order": "false"})
connection.execute("SET TimeZone = 'UTC'")
parquet = f"{scratch}.parquet"
connection.execute(
    f"COPY (SELECT *, {metadata} FROM read_csv('{scratch}', header=true, auto_detect=false, columns={names},"
    f" delim=',', quote='\"', escape='\"')) TO '{parquet}' (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 30720)"
)
connection.close()

job = {
    "jobReference": {"projectId": "test", "jobId": f"limit_{uuid.uuid4()}", "location": "US"},
    "configuration": {"load": {
        "destinationTable": {"projectId": "test", "datasetId": dataset, "tableId": "limit"},
        "sourceFormat": "PARQUET", "writeDisposition": "WRITE_TRUNCATE",
    }},
}
boundary = uuid.uuid4().hex
head = (f"--{boundary}\r\nContent-Type: application/json\r\n\r\n{json.dumps(job)}\r\n"
        f"--{boundary}\r\nContent-Type: application/octet-stream\r\n\r\n").encode()
tail = f"\r\n--{boundary}--".encode()
upload = http.client.HTTPConnection(urllib.parse.urlsplit(bigquery).netloc)
upload.putrequest("POST", "/upload/bigquery/v2/projects/test/jobs?uploadType=multipart")
upload.putheader("Content-Type", f"multipart/related; boundary={boundary}")
upload.putheader("Content-Length", str(len(head) + os.path.getsize(parquet) + len(tail)))
upload.endheaders(head)
with open(parquet, "rb") as file:
    upload.send(file)
upload.send(tail)
answer = json.load(upload.getresponse())
while answer["status"]["state"] != "DONE":
    time.sleep(0.1)
    path = f"/bigquery/v2/projects/test/jobs/{answer['jobReference']['jobId']}"
    answer = json.load(urllib.request.urlopen(bigquery + path))
if "errorResult" in answer["status"]:
    sys.exit(answer["status"]["errorResult"]["message"])
os.unlink(scratch)
os.unlink(parquet)
