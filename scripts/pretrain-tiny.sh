#!/usr/bin/env bash
# Pre-trains the tiny towers that the demonstration starts from: the vision tower and the decoder each by
# itself, then both together. Interrupted, it goes on where it was.
#
#   scripts/pretrain-tiny.sh [DIR]     DIR takes what is written (default runs/tiny); the towers are then in
#                                      DIR/joint/01-towers/towers: copy them to pipelines/demo/towers
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "${1:-runs/tiny}"
TINY=$(cd "${1:-runs/tiny}" && pwd)
export TINY
cd "$here/.."
moslava=${MOSLAVA:-go run ./scripts/moslava}
$moslava run scripts/recipes/pretrain-tiny-vision.yaml --set run_dir="$TINY/vision"
$moslava run scripts/recipes/pretrain-tiny-language.yaml --set run_dir="$TINY/language"
$moslava run scripts/recipes/pretrain-tiny.yaml --set run_dir="$TINY/joint"
