# What the boards are, and how programs are built for them: sourced by `run` and `sizes/measure`.

boards=(m0 m3 m4 m7 m33 m55 helium rv32)

# Where they are built: one folder for boards that are built one after another, in firmware/.
target_dir=${FIRMWARE_TARGET_DIR:-$PWD/../target/firmware/0}

# What each board is: the target and its processor, the machine, and picoseconds of a tick of its timer.
describe() { # BOARD
  local arm='qemu-system-arm -M' riscv='qemu-system-riscv32 -bios none -M'
  board=$1 cpu=() tick=40000 machine="$arm"
  case $1 in
  m0) what='Cortex-M0 code, on a Cortex-M3' target=thumbv6m-none-eabi machine+=' mps2-an385' ;;
  m3) what='Cortex-M3' target=thumbv7m-none-eabi machine+=' mps2-an385' ;;
  m4) what='Cortex-M4F' target=thumbv7em-none-eabihf cpu=(-C target-cpu=cortex-m4) machine+=' mps2-an386' ;;
  m7) what='Cortex-M7' target=thumbv7em-none-eabihf cpu=(-C target-cpu=cortex-m7) machine+=' mps2-an500' ;;
  m33) what='Cortex-M33' target=thumbv8m.main-none-eabihf cpu=(-C target-cpu=cortex-m33) machine+=' mps2-an505' tick=50000 ;;
  m55 | helium)
    # Without vectors of floats, which take subnormal numbers for zeros.
    what=Cortex-M55 target=thumbv8m.main-none-eabihf cpu=(-C target-cpu=cortex-m55 -C target-feature=-mve.fp) machine+=' mps3-an547' tick=31250
    [ "$1" = m55 ] || what+=' by Helium' cpu+=(--cfg 'dropout_kernels_backend="helium"')
    ;;
  rv32) what='RISC-V, RV32IMAC' target=riscv32imac-unknown-none-elf machine="$riscv virt" ;;
  host) what='this machine, without QEMU' target= ;;
  *) echo "no board $1; there are ${boards[*]}" >&2 && exit 2 ;;
  esac
}

need() { # COMMAND OR FILE, PACKAGE, ELSE WHAT BRINGS IT
  command -v "$1" >/dev/null || [ -e "$1" ] || { echo "no $1: it comes with ${3-the package $2 of Debian}" >&2 && exit 3; }
}

# Whether rustup has the standard library of the board's target; else Debian's compiler builds its core.
by_rustup() {
  rustup target list --installed 2>/dev/null | grep -qx "$target"
}

# The compiler that builds for it.
compiler() {
  if by_rustup || [ "$board" = host ]; then rustc -V; else /usr/bin/rustc -V; fi
}

# Builds for the described board, in firmware/. The flags are the same for all programs, so that `core` is built
# once; what the linker is told of each stands in build.rs.
cargo_build() { # ARGUMENTS
  local rustflags=(-D warnings "${cpu[@]}") variable
  need ld.lld lld
  variable=CARGO_TARGET_$(tr 'a-z.-' 'A-Z__' <<<"$target")
  export "${variable}_LINKER=ld.lld" CARGO_TARGET_DIR=$target_dir
  export FIRMWARE_BOARD=$board FIRMWARE_TICK_PS=$tick
  if by_rustup; then
    RUSTFLAGS="${rustflags[*]}" cargo build --quiet --target "$target" "$@"
  else
    need /usr/bin/cargo cargo-web
    need /usr/bin/rustc rustc-web
    need "$(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library/core" rust-web-src
    echo "no standard library for $target from rustup: using Debian's compiler and -Zbuild-std=core" >&2
    RUSTFLAGS="${rustflags[*]}" RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc RUSTC_BOOTSTRAP=1 \
      /usr/bin/cargo build --quiet --target "$target" -Zbuild-std=core "$@"
  fi
}

# Builds a program that starts on the board, and says in `elf` where it is.
build() { # PROGRAM
  if [ "$board" = host ]; then
    # Three backends in each program, which have to be right and not fast.
    CARGO_TARGET_DIR=$target_dir CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=0 \
      CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 cargo build --quiet --locked --release --bin "$1"
    elf=$target_dir/release/$1
    return
  fi
  local features=()
  [ "$1" != log ] || features=(--features defmt) # the others are built without
  cargo_build --locked --release --bin "$1" "${features[@]}"
  elf=$target_dir/$target/release/$1
}

# Runs what was built, with a virtual time that counts instructions. An emulator that hangs is ended.
emulate() { # ELF
  local qemu=($machine) shift=10 package=qemu-system-arm
  [ "$board" != rv32 ] || shift=0 package=qemu-system-misc
  need "${qemu[0]}" "$package"
  timeout "${FIRMWARE_TIMEOUT:-300}" "${qemu[@]}" -nographic -monitor none -serial none -semihosting-config enable=on,target=native \
    -icount shift=$shift -kernel "$1" </dev/null
}
