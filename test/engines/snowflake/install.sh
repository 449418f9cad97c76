#!/usr/bin/env bash
# The Snowflake emulator in a virtual environment of its own: `install.sh DEST`. Safe to repeat and to kill; needs a
# Python 3.11 to 3.13 with venv, and prints the environment's interpreter. $PYTHON names one that is not found by itself.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
dest=$(cd "$1" && pwd)

fits() { "$1" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1; }
python=
# pyenv's shims run no version that is not selected: hence its folders.
for candidate in "${PYTHON:-}" python3 python3.11 python3.12 python3.13 \
  "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[123].*/bin/python3 /usr/local/bin/python3.1[123]; do
  if [ -n "$candidate" ] && fits "$candidate"; then
    python=$("$candidate" -c 'import sys; print(sys.executable)')
    break
  fi
done
if [ -z "$python" ]; then
  echo 'The Snowflake emulator needs Python 3.11 to 3.13 with venv and ensurepip, and none was found. Install one (with pyenv: `pyenv install 3.11`), or set PYTHON to its path.' >&2
  exit 1
fi

stamp=$(cat "$here/requirements.txt" "$here/install.sh" <("$python" -VV; echo "$dest") | sha256sum)
if [ "$(cat "$dest/.stamp" 2>/dev/null)" != "$stamp" ]; then
  echo "Installing the Snowflake emulator for tests, once: 359 MB in $dest" >&2
  rm -rf "$dest/venv" "$dest/.stamp"
  "$python" -m venv "$dest/venv"
  "$dest/venv/bin/python" -m pip install -q --disable-pip-version-check --no-input --only-binary=:all: --no-deps \
    -r "$here/requirements.txt"
  "$dest/venv/bin/python" -c 'import fakesnow.server, jwt, uvicorn'
  echo "$stamp" >"$dest/.stamp"
fi
echo "$dest/venv/bin/python"
