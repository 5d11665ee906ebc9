#!/usr/bin/env bash
# Asks the suites of a recipe (xtuner mmbench). -h tells how.
export STAGE_SCRIPT=$0
exec "$(dirname "${BASH_SOURCE[0]}")/stage.sh" evaluate "$@"
