# Source me: whatever ends the launcher also ends all that it has started: what has left its process group, as programs in a
# terminal of their own do, and what has lost its parent, which the same signal may have ended a moment ago. SIGTERM first,
# SIGKILL for what is left after 5 s. The log splitter stays for their last words, and ends with the last of them.

# PID → _parent and _start, which tells a process from a later one of the same pid. Fails for one that is over.
_read_process() {
  local _line='' _fields
  { read -r -d '' _line <"/proc/$1/stat"; } 2>/dev/null
  # the name before may hold anything, parentheses, too
  read -r -a _fields <<<"${_line##*) }"
  [[ ${_fields[0]:-Z} != [ZX] ]] || return 1
  _parent=${_fields[1]} _start=${_fields[19]}
}

# Prints the pids of all that descend from PID (without one: from the launcher), parents first.
_collect_descendants() {
  local _directory _pid _parent _start _found _known=" ${1:-$$} " _rest=''
  for _directory in /proc/[0-9]*; do
    _pid=${_directory#/proc/}
    [[ $_pid != "${_log_tee:-}" && $_pid != "$BASHPID" ]] && _read_process "$_pid" && _rest+="$_pid $_parent"$'\n'
  done
  while :; do
    _found=''
    while read -r _pid _parent; do
      [[ -n $_pid && $_known == *" $_parent "* && $_known != *" $_pid "* ]] || continue
      _known+="$_pid "
      _found+="$_pid"$'\n'
    done <<<"$_rest"
    [[ -n $_found ]] || return 0
    printf %s "$_found"
  done
}

# What we start carries this in its environment, wherever it goes.
_read_process $$ && export BOSUN_LAUNCHER="$$:$_start"

# Prints the pids of all that carry it, ourselves included.
_collect_marked() {
  local _path
  for _path in $(command -p grep -lszxF "BOSUN_LAUNCHER=$BOSUN_LAUNCHER" /proc/[0-9]*/environ); do
    _path=${_path#/proc/}
    echo "${_path%/environ}"
  done
}

# Of `pid:start`… those that are not over.
_still_running() {
  local _process _parent _start
  for _process; do
    if _read_process "${_process%:*}" && [[ $_start == "${_process#*:}" ]]; then echo "$_process"; fi
  done
}

cleanup() {
  local _status=$? _pid _parent _start _tries _left=()
  [[ -z "${_cleanup_done:-}" ]] || return 0
  _cleanup_done=1
  set +eu
  for _pid in $(_collect_descendants; _collect_marked); do
    if [[ $_pid != "$$" && $_pid != "${_log_tee:-}" ]] && _read_process "$_pid"; then _left+=("$_pid:$_start"); fi
  done
  kill -TERM "${_left[@]%:*}" 2>/dev/null
  for ((_tries = 0; ${#_left[@]} > 0 && _tries < 50; _tries++)); do
    command -p sleep 0.1
    # shellcheck disable=SC2207
    _left=($(_still_running "${_left[@]}"))
  done
  kill -KILL "${_left[@]%:*}" 2>/dev/null
  exit "$_status"
}
trap cleanup EXIT INT TERM
