#!/usr/bin/env bash
# Runs the tests on other Pythons, each in an environment of its own under .venvs/.
#
#   tools/on_each_python.sh quick|all|executor|rounds NAME[=PATH]... [-- ARGUMENT...]
#
# quick   the unit and contract tests, and CPython's own executor tests over Pool, without the slow ones
# executor   CPython's own executor tests over Pool
# rounds   the contract tests again and again (tools/rounds.py): races show themselves seldom
# all     the unit, contract and engine tests with the slow ones
# NAME    a version such as 3.12, or 3.13t for a free-threaded build: looked for on this machine, skipped with a line where it is not
# NAME=PATH   that interpreter; it was asked for, so it is an error when it does not run
# ARGUMENT   what else to hand to pytest, or to tools/rounds.py
#
# Every Python is tried, also after one has failed; the exit status is 1 when any of them failed.
set -euo pipefail
cd "$(dirname "$0")/.."

runs() { "$1" -c '' > /dev/null 2>&1; }

is_free_threaded() {
  "$1" -c 'import sys; sys.exit(("free-threading" in sys.version) != sys.argv[1].endswith("t"))' "$2"
}

# A name on the PATH may be a shim that refuses to run, so each candidate is tried.
find_python() {
  local version=$1 candidate
  # pyenv calls free-threaded builds 3.13.5t, which are no 3.13 to whoever has not asked for one.
  for candidate in "python$version" "$HOME"/.pyenv/versions/"${version%t}".*/bin/python3; do
    if runs "$candidate" && is_free_threaded "$candidate" "$version"; then
      echo "$candidate"
      return
    fi
  done
  return 1
}

# virtualenv instead of venv: it brings its own pip, which some builds of Python lack.
# The commands are chained because bash ignores `set -e` in a function that stands before `||`.
make_environment() {
  local python=$1 environment=$2
  runs "$environment/bin/python" || { rm -rf "$environment" && .venv/bin/virtualenv --quiet --python "$python" "$environment"; } || return
  [ "$environment/stamp" -nt pyproject.toml ] && [ "$environment/stamp" -nt constraints/dev.txt ] && return
  "$environment/bin/python" -m pip install -qq --disable-pip-version-check --constraint constraints/dev.txt --editable '.[test]' &&
    touch "$environment/stamp"
}

test_on() {
  local name=$1 python=$2 environment=.venvs/$1
  echo "== $name: $("$python" --version 2>&1)"
  make_environment "$python" "$environment" && "$environment/bin/python" "${command[@]}" ${more[@]+"${more[@]}"}
}

pytest=(-m pytest -q -p no:cacheprovider)
case ${1-} in
  quick) command=("${pytest[@]}" tests/unit tests/contract tests/cpython -m "not slow") ;;
  all) command=("${pytest[@]}" tests/unit tests/contract tests/engine) ;;
  executor) command=("${pytest[@]}" tests/cpython) ;;
  rounds) command=(tools/rounds.py) ;;
  *) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2 ;;
esac
shift

failed=() pythons=() more=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do pythons+=("$1"); shift; done
[ $# -eq 0 ] || { shift; more=("$@"); }
for wanted in "${pythons[@]}"; do
  name=${wanted%%=*}
  if [ "$name" != "$wanted" ]; then
    python=${wanted#*=}
    runs "$python" || { echo "$name: $python does not run"; failed+=("$name"); continue; }
  else
    python=$(find_python "$name") || { echo "$name: not on this machine, skipped"; continue; }
  fi
  test_on "$name" "$python" || failed+=("$name")
done
[ ${#failed[@]} -eq 0 ] || { echo "failed on: ${failed[*]}"; exit 1; }
