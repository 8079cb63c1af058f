# Caps the thread pools of libraries where the container may have few processes. With _VAST_THREAD_HOOK_LIB_ONLY=1 this file
# only defines the functions, for tests.
_vast_ask() { /opt/instance-tools/bin/boot-step cpu-thread-limits "$@"; }

_vast_read_pids_max() { _vast_ask pids-max; }       # prints the limit of processes; fails without one
_vast_read_quota_cores() { _vast_ask quota-cores; } # prints the CPU quota in cores; fails without one
_vast_thread_cap() { _vast_ask thread-cap "$@"; }   # [PIDS CPUS QUOTA]: prints the cap; fails where none is needed
_vast_user_set() { _vast_ask user-set "$1" >/dev/null; }
_vast_write_caps() { _vast_ask write-caps "$1"; }   # [CAP]: the block in /etc/environment; without CAP it goes
_vast_apply_caps() { eval "$(_vast_ask apply-caps "$1")"; }
_vast_run() {
    local out status
    out=$(/opt/instance-tools/bin/boot-step cpu-thread-limits)
    status=$?
    eval "$out"
    return "$status"
}

[[ ${_VAST_THREAD_HOOK_LIB_ONLY:-} == 1 ]] || _vast_run
