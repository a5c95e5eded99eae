#!/usr/bin/env bash
# Puts into .venv what running (`run`) or testing (`dev`) needs, or installs the Debian packages of the tests (`packages`).
#
# Needs only Python 3.11 or newer and, the first time, the network. Everything installed is pinned by hash in
# requirements.lock (run) or requirements-dev.lock (dev). The project itself is not built: a .pth file puts this checkout on
# the path and .venv/bin/alert-router starts it, so an edit takes effect at once and nothing unpinned is ever downloaded.
# Running it again is quick: a stamp in .venv holds a digest of all that it depends on.
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
venv=$root/.venv
say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: error: %s\n' "$1" >&2; shift; for line in "$@"; do printf 'setup: %s\n' "$line" >&2; done; exit 1; }

# Runs a command as root: directly, or by sudo where that asks no question. Fails where neither is possible.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}
can_install() {
  command -v apt-get >/dev/null && { [ "$(id -u)" -eq 0 ] || { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }; }
}

apt_install() {
  say "installing Debian packages: $*"
  # Services of what is installed stay off: nothing is started now, nothing is enabled for the next boot.
  local policy=/usr/sbin/policy-rc.d ours=no status=0 log
  log=$(mktemp)
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null && as_root chmod 755 "$policy" && ours=yes
  fi
  {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update </dev/null &&
      as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" </dev/null
  } >"$log" 2>&1 || status=$?
  [ "$ours" = no ] || as_root rm -f "$policy"
  [ "$status" -eq 0 ] || cat "$log" >&2
  rm -f "$log"
  [ "$status" -eq 0 ] || die "apt-get could not install: $*" "remedy: apt-get update && apt-get install --no-install-recommends $*"
  if command -v systemctl >/dev/null; then
    as_root systemctl disable prometheus.service prometheus-alertmanager.service >/dev/null 2>&1 || true
  fi
}

# Debian packages by the command that shows they are there.
ensure_packages() {
  local missing=() pair
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  # A Debian package once, however many of its commands are missing.
  mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
  can_install || die "the tests need commands of these Debian packages: ${missing[*]}" \
    "remedy, as root: apt-get update && apt-get install --no-install-recommends ${missing[*]}"
  apt_install "${missing[@]}"
}

find_python() {
  local candidate candidates
  # Every match on the path, not only the first: a newer one may stand behind an older one, or behind a shim that fails.
  mapfile -t candidates < <(printf '%s\n' "${PYTHON:-}"; type -ap python3.11 python3 python3.12 python3.13 || true)
  for candidate in "${candidates[@]}"; do
    if [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      command -v "$candidate"
      return 0
    fi
  done
  die "Python 3.11 or newer is needed and was not found" \
    "remedy on Debian, as root: apt-get install python3 python3-venv; elsewhere set PYTHON=/path/to/python3"
}

create_venv() {
  local python=$1 log
  log=$(mktemp)
  if ! "$python" -m venv --clear "$venv" >"$log" 2>&1; then
    if "$python" -c 'import ensurepip' >/dev/null 2>&1; then
      cat "$log" >&2
      rm -f "$log"
      die "$python -m venv failed, its own words stand above"
    fi
    # Debian ships the standard library's ensurepip in a package of its own.
    if can_install; then
      apt_install python3-venv
      "$python" -m venv --clear "$venv"
    else
      rm -f "$log"
      die "$python cannot make virtual environments: its ensurepip is not installed" \
        "remedy, as root: apt-get update && apt-get install python3-venv, then run the same command again"
    fi
  fi
  rm -f "$log"
}

install_lock() {
  local lock=$1 stamp=$venv/.stamp-$2 want
  want=$(cat "$root/$lock" "${BASH_SOURCE[0]}" <(printf '%s' "$root") | sha256sum)
  if [ -x "$venv/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$want" ] && "$venv/bin/python" -c '' 2>/dev/null; then
    return 0
  fi
  local python
  # An environment that was moved or whose interpreter is gone is made anew; any other is brought up to date.
  if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1 ||
    { [ -e "$venv/.root" ] && [ "$(cat "$venv/.root")" != "$root" ]; }; then
    python=$(find_python)
    say "creating .venv with $python ($("$python" -V))"
    create_venv "$python"
    printf '%s\n' "$root" >"$venv/.root"
  fi
  say "installing $(grep -c == "$root/$lock") distributions pinned in $lock"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --no-deps --require-hashes \
    -r "$root/$lock" </dev/null ||
    die "pip could not install $lock, its own words stand above" "remedy: check the network, then run the same command again"
  link_project
  printf '%s\n' "$want" >"$stamp"
}

link_project() {
  local site
  site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  printf '%s\n' "$root" >"$site/alert_router_checkout.pth"
  cat >"$venv/bin/alert-router" <<'LAUNCHER'
#!/bin/sh
# Starts the alert router of the checkout this environment belongs to. Written by tools/setup.sh.
bin=$(dirname -- "$(readlink -f -- "$0")")
exec "$bin/python" -P -c 'import sys; sys.argv[0] = "alert-router"; from router.cli import main; sys.exit(main())' "$@"
LAUNCHER
  chmod 755 "$venv/bin/alert-router"
}

case "${1:-}" in
  run) install_lock requirements.lock run ;;
  dev) install_lock requirements-dev.lock dev ;;
  packages)
    ensure_packages prometheus=prometheus promtool=prometheus prometheus-alertmanager=prometheus-alertmanager \
      systemd-analyze=systemd curl=curl
    ;;
  *) die "usage: tools/setup.sh run|dev|packages" ;;
esac
