#!/usr/bin/env bash
# Makes .venv with the locked dependencies and the Rust extension. `setup.sh build` (to run) or `setup.sh dev`.
# Does nothing when nothing changed. Needs Python 3.11 or newer; cargo is used when it is there, else the
# build backend bootstraps a Rust toolchain for the build.
set -euo pipefail
cd "$(dirname "$0")/.."
kind="${1:-build}"
python="${PYTHON:-python3}"

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }
digest() { cat "$@" | sha256sum | cut -c1-32; }

command -v "$python" >/dev/null || fail "python3 is missing (Debian: apt-get install python3 python3-venv)"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "Python 3.11 or newer is needed; $python is $("$python" -V 2>&1). Set PYTHON=…"

if [ ! -x .venv/bin/python ]; then
  say "Making .venv"
  "$python" -m venv .venv 2>/dev/null || {
    rm -rf .venv
    bash scripts/system.sh python3-venv
    "$python" -m venv .venv
  }
fi

want="$(digest "requirements/$kind.lock")"
# The dev lock contains the build lock, so it serves both.
if [ "$(cat .venv/.locked-dev 2>/dev/null)" = "$(digest requirements/dev.lock)" ]; then have="$want"; else have="$(cat ".venv/.locked-$kind" 2>/dev/null || true)"; fi
if [ "$have" != "$want" ]; then
  say "Installing the locked $kind dependencies (a minute or two on the first run)"
  .venv/bin/python -m pip install --disable-pip-version-check --quiet --progress-bar off --require-hashes -r "requirements/$kind.lock"
  echo "$want" > ".venv/.locked-$kind"
fi

mapfile -t sources < <(find rust proto Cargo.toml Cargo.lock pyproject.toml -type f \( -name '*.rs' -o -name '*.toml' -o -name '*.proto' -o -name '*.lock' \) | sort)
want="$(digest "${sources[@]}")"
if [ "$(cat .venv/.core 2>/dev/null)" != "$want" ] || ! ls python/vigil/_core*.so >/dev/null 2>&1; then
  say "Building the Rust core (release; a minute or two on the first run)"
  bash scripts/system.sh --have cc gcc --have cc libc6-dev # rustc links with it
  if command -v cargo >/dev/null && [ -x .venv/bin/maturin ]; then
    VIRTUAL_ENV="$PWD/.venv" PATH="$PWD/.venv/bin:$PATH" .venv/bin/maturin develop --release --locked --quiet
  else
    .venv/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --editable .
  fi
  echo "$want" > .venv/.core
fi

if [ ! -f python/vigil/pb/events_pb2.py ] || [ -n "$(find proto -newer python/vigil/pb/events_pb2.py -name '*.proto')" ]; then
  say "Generating the Python messages from proto/"
  .venv/bin/python scripts/proto.py
fi
