#!/usr/bin/env bash
# Trains the projector between frozen towers: LLaVA's first stage (xtuner train CONFIG_pretrain). -h tells how.
export STAGE_SCRIPT=$0
exec "$(dirname "${BASH_SOURCE[0]}")/stage.sh" align "$@"
