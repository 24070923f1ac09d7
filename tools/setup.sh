#!/bin/sh
# Brings a bare machine to where `runner` and the tests run: Python, .venv, pinned packages, a browser.
# Called by `make setup`. Does nothing, and needs no network, when everything is there already.
# All it says goes to stderr, so that `make demo ARGS=--json` keeps stdout for its one JSON document.
set -eu
cd "$(dirname "$0")/.."
place=$(pwd -P)
exec 1>&2

venv=.venv
pins=requirements/dev.txt
place_stamp=$venv/place.stamp
pins_stamp=$venv/pins.stamp
project_stamp=$venv/project.stamp

say() { printf 'setup: %s\n' "$*"; }
fail() { say "$*"; exit 1; }
checksum() { cat "$@" | cksum; }

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
can_make_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }
version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }

# Debian and Ubuntu ship Python without ensurepip; the package that has it is named after the minor version.
install_venv_module() {
    package="python$(version_of "$1")-venv"
    command -v apt-get >/dev/null 2>&1 ||
        fail "$1 has no venv module. Install a full Python 3.11 or newer, then type: make setup"
    [ "$(id -u)" = 0 ] ||
        fail "$1 has no venv module. Type: sudo apt-get install $package   and then: make setup"
    say "$1 has no venv module: installing $package with apt-get"
    export DEBIAN_FRONTEND=noninteractive
    apt="apt-get -q -y -o DPkg::Lock::Timeout=120"
    $apt install --no-install-recommends "$package" </dev/null >/dev/null 2>&1 || {
        $apt update </dev/null >/dev/null && $apt install --no-install-recommends "$package" </dev/null >/dev/null
    } || fail "apt-get could not install $package. Type: apt-get update && apt-get install $package"
    can_make_venv "$1" || fail "$package is installed and $1 still has no venv module. Choose another: make setup PYTHON=…"
}

# Sets $python. A version manager's shim may stand on PATH and refuse to run, so each candidate is run, not looked at.
find_python() {
    python=
    if [ -n "${PYTHON:-}" ]; then
        is_new_enough "$PYTHON" || fail "PYTHON=$PYTHON is not a Python 3.11 or newer that runs."
        python=$PYTHON
    else
        for candidate in python3 python3.14 python3.13 python3.12 python3.11 \
            /usr/bin/python3 /usr/local/bin/python3 /opt/homebrew/bin/python3; do
            is_new_enough "$candidate" || continue
            [ -n "$python" ] || python=$candidate
            if can_make_venv "$candidate"; then python=$candidate; break; fi
        done
    fi
    if [ -z "$python" ]; then
        found=$(python3 --version 2>&1 || true)
        fail "No Python 3.11 or newer here (python3 says: ${found:-nothing}; python3.11 to python3.14 were tried too)." \
            "Install one, for example: apt-get install python3 python3-venv, or brew install python@3.13. Then type: make setup"
    fi
    can_make_venv "$python" || install_venv_module "$python"
}

# A folder that was moved has scripts that point to where it was; a removed Python leaves a dead link.
venv_works() {
    [ -x $venv/bin/python ] && is_new_enough $venv/bin/python &&
        [ -f $place_stamp ] && [ "$(cat $place_stamp)" = "$place" ] &&
        { [ -z "${PYTHON:-}" ] || [ "$(version_of "$PYTHON")" = "$(version_of $venv/bin/python)" ]; }
}

make_venv() {
    find_python
    say "making $venv with $python ($(version_of "$python"))"
    rm -rf $venv
    "$python" -m venv $venv || fail "$python could not make $venv."
    printf '%s\n' "$place" >$place_stamp
}

# Pip's own settings (index, proxy, certificates) are the machine's business and stay in force.
pip() { PIP_USER=0 $venv/bin/python -m pip --disable-pip-version-check -qq "$@" </dev/null; }

install_pins() {
    say "installing $(grep -c '==' $pins) pinned packages into $venv (about a minute)"
    rm -f $pins_stamp
    pip install --require-hashes -r $pins ||
        fail "pip could not install the pinned packages: see its lines above. A package registry must be reachable" \
            "(pip config list shows which one is asked). Then type: make setup"
    checksum $pins >$pins_stamp
}

install_project() {
    rm -f $project_stamp
    pip install --no-deps --no-build-isolation --editable . || fail "pip could not install the runner itself: see its lines above."
    checksum pyproject.toml >$project_stamp
}

stamp_holds() { [ -f "$1" ] && [ "$(cat "$1")" = "$(checksum "$2")" ]; }

venv_works || make_venv
stamp_holds $pins_stamp $pins || install_pins
stamp_holds $project_stamp pyproject.toml || install_project
if [ -n "${BROWSER:-}" ]; then set -- --path "$BROWSER"; else set --; fi
exec $venv/bin/python -m runner.browser.install "$@"
