#!/usr/bin/env bash
# Runs one stage of a recipe. align.sh, tune.sh, evaluate.sh and export.sh call it with the stage's usual name.
set -euo pipefail

stage=${1:?usage: scripts/stage.sh STAGE [KEY=VALUE ...]}
shift
name=$(basename "${STAGE_SCRIPT:-stage.sh}")

usage() {
	cat <<TEXT
usage: RECIPE=FILE.yaml [RUN_DIR=DIR] [STAGE=NAME] scripts/$name [--force] [KEY=VALUE ...]

Runs one stage of a recipe, or goes on with it where it was interrupted. A finished stage is
skipped. The stage whose model it takes must be finished.

  RECIPE     the recipe, as in scripts/recipes
  RUN_DIR    directory of the run (default: the recipe's run_dir, or runs/NAME)
  STAGE      name of the stage in the recipe; several with commas (default: $stage)
  MOSLAVA    the program (default: built from this checkout)
  KEY=VALUE  overrides a key of the recipe, as in seed=1 or stages.tune.lr=1e-4
  --force    does the stage again if its configuration has changed

All stages of a recipe in order: moslava run FILE.yaml
TEXT
}

fail() {
	printf '%s: %s; -h tells more\n' "$name" "$1" >&2
	exit 2
}

args=()
for a in "$@"; do
	case $a in
	-h | --help) usage; exit 0 ;;
	--force) args+=(--force) ;;
	-*) fail "unknown option $a" ;;
	?*=*) args+=(--set "$a") ;;
	*) fail "found $a, expected KEY=VALUE" ;;
	esac
done
[ -n "${RECIPE:-}" ] || fail "RECIPE is not set"
[ -f "$RECIPE" ] || fail "RECIPE=$RECIPE: no such file"
if [ -n "${RUN_DIR:-}" ]; then
	case $RUN_DIR in /*) ;; *) RUN_DIR=$PWD/$RUN_DIR ;; esac # in a recipe it would be relative to the recipe
	args+=(--set "run_dir='${RUN_DIR//\'/\'\'}'")            # a YAML string, whatever is in it
fi
if [ -z "${MOSLAVA:-}" ]; then
	root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
	MOSLAVA=$root/moslava # .gitignore has it
	go build -C "$root" -o "$MOSLAVA" ./scripts/moslava
fi
exec "$MOSLAVA" run "$RECIPE" --only "${STAGE:-$stage}" ${args[@]+"${args[@]}"}
