#!/usr/bin/env bash
# The BigQuery emulator in a virtual environment of its own: `install.sh DEST`. Safe to repeat and to kill; needs a
# Python 3.13 to 3.15 with venv, and prints the environment's interpreter. $PYTHON names one that is not found by itself.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
dest=$(cd "$1" && pwd)

fits() { "$1" -c 'import ensurepip, sys, venv; sys.exit(not (3, 13) <= sys.version_info < (3, 16))' >/dev/null 2>&1; }
python=
# pyenv's shims run no version that is not selected: hence its folders.
for candidate in "${PYTHON:-}" python3 python3.13 python3.14 python3.15 \
  "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[345].*/bin/python3 /usr/local/bin/python3.1[345]; do
  if [ -n "$candidate" ] && fits "$candidate"; then
    python=$("$candidate" -c 'import sys; print(sys.executable)')
    break
  fi
done
if [ -z "$python" ]; then
  echo 'The BigQuery emulator needs Python 3.13 to 3.15 with venv and ensurepip, and none was found. Install one (with pyenv: `pyenv install 3.13`), or set PYTHON to its path.' >&2
  exit 1
fi

stamp=$(cat "$here/requirements.txt" "$here/install.sh" <("$python" -VV; echo "$dest") | sha256sum)
if [ "$(cat "$dest/.stamp" 2>/dev/null)" != "$stamp" ]; then
  echo "Installing the BigQuery emulator for tests, once: 635 MB in $dest" >&2
  rm -rf "$dest/venv" "$dest/home" "$dest/.stamp"
  "$python" -m venv "$dest/venv"
  "$dest/venv/bin/python" -m pip install -q --disable-pip-version-check --no-input --only-binary=:all: --no-deps \
    -r "$here/requirements.txt"
  version=$("$dest/venv/bin/python" -c 'import duckdb; print(duckdb.__version__)')
  platform=$("$dest/venv/bin/python" -c 'import duckdb; print(duckdb.sql("PRAGMA platform").fetchone()[0])')
  # Where DuckDB looks for extensions: in the home folder that the server is started with.
  extensions="$dest/home/.duckdb/extensions/v$version/$platform"
  mkdir -p "$extensions"
  find "$dest/venv" -name '*.duckdb_extension' -exec mv {} "$extensions/" \;
  for extension in icu ducklake spatial; do
    [ -s "$extensions/$extension.duckdb_extension" ] || { echo "The DuckDB extension $extension is missing." >&2; exit 1; }
  done
  echo "$stamp" >"$dest/.stamp"
fi
echo "$dest/venv/bin/python"
