#!/usr/bin/env bash
# Installs Debian packages that are missing, when that is possible without asking: `system.sh PACKAGE…`.
# With `--have COMMAND PACKAGE` pairs a package is only wanted when the command is missing.
set -euo pipefail
wanted=()
while [ $# -gt 0 ]; do
  if [ "$1" = "--have" ]; then
    command -v "$2" >/dev/null || wanted+=("$3")
    shift 3
  else
    wanted+=("$1")
    shift
  fi
done
[ ${#wanted[@]} -gt 0 ] || exit 0
run=()
if [ "$(id -u)" != 0 ]; then
  if sudo -n true 2>/dev/null; then run=(sudo); else
    echo "These Debian packages are needed: ${wanted[*]}. Install them: sudo apt-get install ${wanted[*]}" >&2
    exit 1
  fi
fi
command -v apt-get >/dev/null || { echo "Needed, by whatever name your system gives them: ${wanted[*]}" >&2; exit 1; }
echo "==> Installing ${wanted[*]}"
export DEBIAN_FRONTEND=noninteractive
"${run[@]}" apt-get update -qq
"${run[@]}" apt-get install -qq -y --no-install-recommends "${wanted[@]}" >/dev/null
