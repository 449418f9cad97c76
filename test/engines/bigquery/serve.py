"""The emulator as a process: `serve.py PORT GRPC_PORT FOLDER`. Ends with its stdin, so that it never outlives who started it."""

import os
import sys
import threading

from local_bigquery.cli import main
from local_bigquery.engine import database

port, grpc_port, folder = sys.argv[1:]
objects = database.objects


def counted(project_id, dataset_id, table_id=None):
    """The emulator's numRows is an estimate that deletions never lower; BigQuery's own is exact."""
    found = objects(project_id, dataset_id, table_id)
    if table_id is None:
        return found
    name = database.quote(project_id, dataset_id, table_id)
    return [
        (each, kind, database.fetch(f"SELECT count(*) FROM {name}")[0][0] if kind == "TABLE" else size)
        for each, kind, size in found
    ]


def end_with_stdin():
    while os.read(0, 4096):
        pass
    os._exit(0)


database.objects = counted
threading.Thread(target=end_with_stdin, daemon=True).start()
main(["--host", "127.0.0.1", "--port", port, "--grpc-port", grpc_port, "--data-dir", folder])
