#!/usr/bin/env bash
# Runs moslava against transformers, PEFT, llama.cpp, tokenizers, torch and OpenBLAS. See README.md.
set -euo pipefail

usage() {
	cat <<'TEXT'
usage: [VENV=DIR] [REAL=DIR] [DATA=DIR] [MMBENCH=FILE] [TEXT=FILE] [LLAMA_VENV=DIR] scripts/bench/run.sh [--quick] [--pairs N] [--threads N] [ROW...]

Rows: step mix mfu memory mixer gemm eval decode prefill tokenizer pictures big scale start plan (default: all)

  VENV        a Python environment with requirements.txt (default: made for this run)
  LLAMA_VENV  one with llama-cpp-python (default: VENV; if it has none, it is installed into an environment made for this run)
  REAL        what scripts/weights/real_weights.py wrote (default: made for this run)
  DATA        what scripts/weights/emoji_vqa.py wrote, for mix and scale (default: made for this run, from npm packages)
  MMBENCH     MMBench table of circular rows, for eval (default: DATA's emoji_dev_en.tsv, its first 78 rows)
  TEXT        English text, for tokenizer (default: this repository's documents and Go's)
  OUT         directory of results (default: docs/bench)

Results are appended to OUT/results.jsonl; OUT/README.md and the plots are written again from it.
TEXT
}

flags=() rows=()
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage && exit 0 ;;
	--quick) flags+=(--quick) && shift ;;
	--pairs | --threads) flags+=("$1" "${2:?$1 needs a number}") && shift 2 ;;
	-*) echo "bench: found $1; -h tells more" >&2 && exit 2 ;;
	*) rows+=("$1") && shift ;;
	esac
done

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
OUT=${OUT:-$root/docs/bench}
export PYTHONDONTWRITEBYTECODE=1 HF_HUB_OFFLINE=1 HF_HOME=$work/huggingface TOKENIZERS_PARALLELISM=false

# wanted NAME...: whether one of these rows is to run.
wanted() {
	[ ${#rows[@]} -eq 0 ] && return 0
	local name row
	for name in "$@"; do
		for row in "${rows[@]}"; do
			[ "$name" = "$row" ] && return 0
		done
	done
	return 1
}

environment() {
	if [ -z "${VENV:-}" ]; then
		VENV=$work/venv
		echo "bench: installing $here/requirements.txt" >&2
		python3 -m venv "$VENV"
		timeout 3600 "$VENV/bin/pip" install --quiet --disable-pip-version-check --timeout 20 --retries 1 -r "$here/requirements.txt"
	elif [ ! -x "$VENV/bin/python" ]; then
		echo "bench: VENV=$VENV has no bin/python" >&2
		exit 2
	fi
	python=$VENV/bin/python
}

# llama: the Python that has llama-cpp-python, empty if it cannot be had. Building it takes minutes.
llama() {
	llama_python=${LLAMA_VENV:-$VENV}/bin/python
	"$llama_python" -c 'import llama_cpp' 2>/dev/null && return
	[ -n "${LLAMA_VENV:-}" ] && echo "bench: LLAMA_VENV=$LLAMA_VENV has no llama_cpp" >&2 && exit 2
	echo "bench: building llama-cpp-python" >&2
	python3 -m venv "$work/llama"
	llama_python=$work/llama/bin/python
	if ! timeout 3600 "$work/llama/bin/pip" install --quiet --disable-pip-version-check llama-cpp-python==0.3.36 numpy psutil gguf 2>"$work/llama.log"; then
		echo "bench: llama.cpp cannot be had: $(tail -n 1 "$work/llama.log")" >&2
		llama_python=
	fi
}

real_weights() {
	[ -n "${REAL:-}" ] && return
	REAL=$work/real
	echo "bench: making real weights" >&2
	"$python" "$root/scripts/weights/real_weights.py" "$REAL" >"$work/real.log" 2>&1 || { tail -n 3 "$work/real.log" >&2 && exit 1; }
}

# emoji: the data set, as scripts/weights/README.md says.
emoji() {
	[ -n "${DATA:-}" ] && return
	DATA=$work/emoji
	echo "bench: making the emoji data" >&2
	mkdir -p "$work/pk"
	(
		cd "$work/pk"
		for p in emoji-datasource@16.0.0 emoji-datasource-google@16.0.0 openmoji@17.0.0 @lobehub/fluent-emoji-3d@1.1.0 \
			cldr-annotations-full@48.2.0 cldr-annotations-derived-full@48.2.0; do npm pack --silent "$p"; done
		for f in *.tgz; do mkdir -p "${f%.tgz}" && tar -xzf "$f" -C "${f%.tgz}" --strip-components=1; done
	) >"$work/emoji.log" 2>&1
	"$python" "$root/scripts/weights/emoji_vqa.py" --packages "$work/pk" --out "$DATA" --rows 4000 >>"$work/emoji.log" 2>&1
}

# build NAME PACKAGE [FLAG...]: what does not build is left out, and its row says so.
build() {
	local name=$1 package=$2
	shift 2
	[ -d "$root/$package" ] || return 0
	go build -C "$root" "$@" -o "$work/bin/$name" "./$package" 2>"$work/build.$name" || echo "bench: $package does not build: $(tail -n 1 "$work/build.$name")" >&2
}

environment
mkdir -p "$work/bin" "$OUT"
for name in train eval llm gemm tokenizer pictures; do build $name scripts/bench/ours/$name; done
build peak scripts/bench/ours/peak
build big scripts/bench/big
build moslava scripts/moslava
build plot scripts/bench/plot
llama_python=
if wanted decode prefill; then llama; fi
if wanted step mix mfu memory mixer eval decode prefill tokenizer scale start plan; then real_weights; fi
if wanted mix scale plan || { wanted eval && [ -z "${MMBENCH:-}" ]; }; then emoji; fi
"$python" "$here/bench.py" --bin "$work/bin" --work "$work" --root "$root" --out "$OUT" --real "${REAL:-}" --data "${DATA:-}" \
	--mmbench "${MMBENCH:-}" --text "${TEXT:-}" --llama-python "$llama_python" "${flags[@]}" "${rows[@]}"
if [ -x "$work/bin/plot" ]; then
	"$work/bin/plot" -results "$OUT/results.jsonl" -out "$OUT"
	"$python" "$here/report.py" "$OUT" # with the plots
fi
