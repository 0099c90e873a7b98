#!/usr/bin/env bash
# Runs cargo: the one on the PATH, else rustup's in the home folder, else the one that the build backend brought
# when it built the core without any (scripts/setup.sh).
set -euo pipefail
if ! command -v cargo >/dev/null; then
  brought="${XDG_CACHE_HOME:-$HOME/.cache}/puccinialin"
  if [ -x "$HOME/.cargo/bin/cargo" ]; then
    export PATH="$HOME/.cargo/bin:$PATH"
  elif [ -x "$brought/cargo/bin/cargo" ]; then
    export CARGO_HOME="$brought/cargo" RUSTUP_HOME="$brought/rustup" PATH="$brought/cargo/bin:$PATH"
  else
    echo "cargo is missing: install Rust 1.85 or newer (rustup), or delete .venv/.core so that the next build brings it" >&2
    exit 1
  fi
fi
exec cargo "$@"
