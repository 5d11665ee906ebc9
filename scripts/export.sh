#!/usr/bin/env bash
# Writes the model for other programs (xtuner convert merge, merge_lora_weights.py). -h tells how.
export STAGE_SCRIPT=$0
exec "$(dirname "${BASH_SOURCE[0]}")/stage.sh" export "$@"
