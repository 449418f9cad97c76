"""What the machine allows a store's report: fetch its Parquet, DELETE + INSERT in one transaction, nothing checked.

usage: parquet_limit.py URL SQL_FILE DATABASE SCRATCH_FILE
"""
import os
import sys
import urllib.request

import duckdb

url, sql, database, scratch = sys.argv[1:5]
with open(sql, "rb") as statement:
    request = urllib.request.Request(url, statement.read())
with urllib.request.urlopen(request) as response, open(scratch, "wb") as file:
    while block := response.read(1 << 20):
        file.write(block)
connection = duckdb.connect(database)
connection.execute(f"CREATE TABLE IF NOT EXISTS report AS SELECT * FROM '{scratch}' LIMIT 0")
connection.execute("BEGIN")
connection.execute("DELETE FROM report WHERE period_start = DATE '2026-11-20'")
connection.execute(f"INSERT INTO report SELECT * FROM '{scratch}'")
connection.execute("COMMIT")
connection.close()
os.unlink(scratch)
