# Source me for `pty COMMAND…`: runs it in a terminal of its own, so that it writes lines as they come, and progress bars.
# DISABLE_PTY=true: without.
pty() {
  if [[ "${DISABLE_PTY:-}" != true && -x /usr/local/bin/pty-wrap ]]; then
    /usr/local/bin/pty-wrap "$@"
  else
    "$@"
  fi
}
