# What parts of CI have in common; each begins by sourcing it. Leaves the shell in the repository's root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export DEBIAN_FRONTEND=noninteractive
# Each of the many builds is made once: half of its time went into what a next one and a debugger would use.
export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_RELEASE_DEBUG=0

step() { printf '\n== %s (%s s)\n' "$*" "$SECONDS"; }

# `.ci/run` repeats at its end every line that begins so.
skipped() { printf 'SKIPPED: %s\n' "$*"; }

# One at a time, of parts that run at a time.
mkdir -p target
installing=$PWD/target/installing
alone() { flock "$installing" "$@"; }
rustup() { alone "$(type -P rustup)" "$@"; }

# Installs packages of Debian that are missing.
packages() {
  dpkg -s "$@" >/dev/null 2>&1 && return
  alone apt-get -qq update
  alone apt-get -qq install -y --no-install-recommends "$@" >/dev/null
}

# Installs a program of crates.io that is missing; quickly, as what it does here is little.
tool() { # CRATE
  command -v "$1" >/dev/null || CARGO_PROFILE_RELEASE_OPT_LEVEL=0 cargo install --quiet --locked "$1"
}

# Whether rustup has, or can get, the standard library of TARGET.
standard_library() {
  rustup target list --installed 2>/dev/null | grep -qx "$1" || rustup target add "$1" >/dev/null 2>&1
}

# Whether there is a nightly toolchain; WHAT is skipped if not.
nightly() { # WHAT
  cargo +nightly -V >/dev/null 2>&1 || { skipped "$1: no nightly toolchain" && return 1; }
}

# What goes on into a pipe, on the screen too; `tee /dev/stderr` empties it if it is a file.
shown() { tee >(cat >&2); }

# Flags that leave out AVX-512's code where nothing can run it: it takes a third of the library's time to compile.
what_runs_here() { grep -qw avx512f /proc/cpuinfo || echo '--cfg dropout_kernels_backend="avx2"'; }

# Fails unless the command fails, and says MESSAGE.
refused() { # MESSAGE COMMAND...
  local message=$1 output && shift
  if output=$("$@" 2>&1) || ! grep -q "$message" <<<"$output"; then
    echo "not refused with \"$message\": $*" && exit 1
  fi
}

# What the library and its examples, benches and tests in release depend on is built once for all. The formulas are compiled quickly.
formulas=(--config profile.release.package.dropout-reference.opt-level=1)

# Builds the tests in release, those that are optimised apart, and says in `tests` where the program is.
in_release() {
  tests=$(cargo "${formulas[@]}" rustc --release --quiet --test all --message-format=json-render-diagnostics -- --cfg tests_optimised |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')
}
