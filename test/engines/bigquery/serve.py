"""The emulator as a process: `serve.py PORT GRPC_PORT FOLDER`. Ends with its stdin, so that it never outlives who started it."""

import os
import pathlib
import sys
import threading


def end_with_stdin() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


threading.Thread(target=end_with_stdin, daemon=True).start()

from local_bigquery.cli import main  # noqa: E402

port, grpc_port, folder = sys.argv[1:]
main(["--host", "127.0.0.1", "--port", port, "--grpc-port", grpc_port, "--data-dir", str(pathlib.Path(folder))])
