# Reads the disassembly of a program with its relocations; says which forbidden helpers are called, and from
# where. `single` is yes where the chip has instructions for floats, `double` where the program may use doubles,
# `series` where it may divide in a loop.

# Helpers by the names of the Arm ABI and of libgcc.
function of_doubles(f) { return f ~ /^__(aeabi_(c?d[a-z0-9].*|[a-z0-9]+2d)|[a-z]+df[a-z]*2?3?)$/ }
function of_floats(f) { return f != "__aeabi_d2f" && f ~ /^__(aeabi_(c?f[a-z].*|[a-z0-9]+2f)|[a-z]+sf[a-z]*[23]?)$/ }
function divides(f) {
  return f ~ /^__(aeabi_([fd]div|u?l?i?div(mod)?|uldivmod)|(u?div|u?mod|u?divmod)[sdt]i[34]|div[sdt]f3)$/
}
# What chips without an instruction for it call (Cortex-M0): layouts divide once a row, not for each element, which
# no disassembly shows; `count` does.
function of_rows(f) { return f ~ /^__aeabi_u?idiv(mod)?$/ }
# The compiler's run time calls itself; what counts is who calls it.
function helper(f) { return f ~ /^(__|mem|bcmp)|compiler_builtins/ }

# awk reads no hexadecimal.
function number(text, value, i) {
  for (i = 1; i <= length(text); i++)
    value = 16 * value + index("0123456789abcdef", substr(text, i, 1)) - 1
  return value
}

function call(callee) { calls++; at[calls] = here; caller[calls] = name; of[calls] = callee }

/^[0-9a-f]+ <[^$].*>:$/ { name = substr($2, 2, length($2) - 3); next }

/R_RISCV_CALL/ { call($NF); next }

/^ *[0-9a-f]+:/ {
  here = number(substr($1, 1, length($1) - 1))
  if ($2 ~ /\.f64/ && $2 !~ /^v(mov|ldr|str|push|pop)/) doubles[name] = $2
  if (!match($0, /0x[0-9a-f]+ <[^>]*>/)) next
  split(substr($0, RSTART + 2, RLENGTH - 3), part, " <")
  target = number(part[1])
  if (part[2] == name || index(part[2], name "+") == 1) {
    # A branch back closes a loop.
    if (target <= here) { loops++; first[loops] = target; last[loops] = here }
  } else if ($2 ~ /^(b|bl|blx|b\.w|bl\.w|j|jal|tail|call)$/) call(part[2])
}

END {
  for (c = 1; c <= calls; c++)
    for (l = 1; l <= loops; l++)
      if (at[c] >= first[l] && at[c] <= last[l]) again[c] = 1
  # What a loop calls, and what that calls, is in the loop.
  do {
    changed = 0
    for (c = 1; c <= calls; c++)
      if ((again[c] || hot[caller[c]]) && !hot[of[c]]) { hot[of[c]] = 1; changed = 1 }
  } while (changed)

  for (c = 1; c <= calls; c++) {
    if (helper(caller[c])) continue
    looped = again[c] || hot[caller[c]]
    what = of[c] " from " caller[c]
    if (of_doubles(of[c]) && double != "yes") said["doubles: " what] = 1
    if (of_floats(of[c]) && single == "yes") said["floats that the chip has instructions for: " what] = 1
    if (divides(of[c])) {
      if (looped && of_rows(of[c])) rows[of[c]]
      else if (looped && series != "yes") said["a division in a loop: " what]
      else once[of[c]]
    }
  }
  if (double != "yes") for (f in doubles) said["doubles: " doubles[f] " in " f]
  for (what in said) { print "FAILED: " program ": " what; bad = 1 }
  # Without names of callers, in which the hash of a crate depends on where it was built.
  for (f in once) print program ": divides, not in a loop: " f
  for (f in rows) print program ": divides, once a row: " f
  if (calls + loops == 0 && !name) { print "FAILED: " program ": no code"; bad = 1 }
  exit bad
}
