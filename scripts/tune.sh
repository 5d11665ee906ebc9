#!/usr/bin/env bash
# Trains projector and adapters on instructions: LLaVA's second stage (xtuner train CONFIG_finetune). -h tells how.
export STAGE_SCRIPT=$0
exec "$(dirname "${BASH_SOURCE[0]}")/stage.sh" tune "$@"
