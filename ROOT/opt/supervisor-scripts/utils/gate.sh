# What exit_*.sh and wait_provisioning.sh share; launchers source those.
# instance_gate NAME [ARG] comes back when the program may start, and else ends the launcher: with 0 when it is to be
# skipped, with 1 when that cannot be told. The rules are in `instance-gate --help`; where that cannot run they are kept
# without it. PATH may be anything here (command -p), and the launcher may use set -e and set -u.

instance_gate() {
  local _status=0
  /opt/instance-tools/bin/instance-gate "$@" || _status=$?
  case $_status in
    0 | 3 | 4 | 130 | 143) ;;
    *)
      echo "instance-gate cannot run (exit status ${_status}): deciding without it"
      _status=0
      _gate_by_shell "$@" || _status=$?
      ;;
  esac
  case $_status in
    0) return 0 ;;
    # longer than startsecs, so that supervisord takes it for a clean end
    3) command -p sleep 6 && exit 0 ;;
  esac
  exit 1
}

_gate_by_shell() {
  local _yaml=/etc/portal.yaml _marker="/tmp/supervisor-skip/${PROC_NAME:-}" _seconds
  case $1 in
    serverless)
      [[ "${SERVERLESS:-}" == [Tt][Rr][Uu][Ee] ]] || return 0
      echo "Skipping ${PROC_NAME:-} startup (Serverless)"
      return 3
      ;;
    portal)
      [[ "${SERVERLESS:-}" != [Tt][Rr][Uu][Ee] ]] || return 0
      for ((_seconds = 0; _seconds < 120; _seconds++)); do
        [[ ! -s $_yaml ]] || break
        ((_seconds % 30)) || echo "Waiting for $_yaml before starting ${PROC_NAME:-}..."
        command -p sleep 1
      done
      if [[ ! -s $_yaml ]]; then
        echo "ERROR: $_yaml is still missing or empty after 120 s, cannot start ${PROC_NAME:-}"
        return 4
      fi
      if command -p grep -aqiE -e "^[^#].*$2" "$_yaml"; then
        command -p rm -f "$_marker" 2>/dev/null
        return 0
      fi
      echo "Skipping ${PROC_NAME:-} startup (not in $_yaml)"
      command -p mkdir -m 1777 "${_marker%/*}" 2>/dev/null
      [[ -L $_marker ]] || echo "$2" 2>/dev/null >"$_marker"
      return 3
      ;;
    provisioning)
      while [[ -e /.provisioning ]]; do command -p sleep 5; done
      return 0
      ;;
  esac
  echo "ERROR: cannot tell whether ${PROC_NAME:-} may start: $1"
  return 4
}

# A verdict is for one start of the program.
if [[ -z "${_gate_fresh:-}" ]]; then
  _gate_fresh=1
  [[ ! -e "/run/bosun/gates/${PROC_NAME:-}.json" ]] || command -p rm -f "/run/bosun/gates/${PROC_NAME}.json" 2>/dev/null || :
fi
