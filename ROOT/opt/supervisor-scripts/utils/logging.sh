# Source me first: puts what the program says into its log, /var/log/portal/PROC_NAME.log or the file given, a copy without
# colours into /var/log, and that into the container's log. Also defines `pty` (pty.sh).
#
# A supervisord that keeps the logs itself (stdout_tee_logfile) says so by SUPERVISOR_STDOUT_TEE: then there is nothing to
# do. With another file as argument, or another supervisord, log-tee does it, and the log of the last run becomes *.old.
# Leaves behind: logpath, the directory of logs; logfile, the log; cleanlog, the copy.
. "${BASH_SOURCE[0]%/*}/pty.sh"

logpath=/var/log/portal
logfile=${1:-${SUPERVISOR_STDOUT_TEE:-${logpath}/${PROC_NAME:-}.log}}
cleanlog=/var/log/${logfile##*/}

if [[ "$logfile" == "${SUPERVISOR_STDOUT_TEE:-}" ]]; then
  exec 2>&1
elif [[ -n "${1:-}${PROC_NAME:-}" ]]; then
  # regular files alone: /dev/null stays where it is
  [[ ! -f "$logfile" ]] || command -p mv -f "$logfile" "$logfile.old" 2>/dev/null || :
  [[ -n "${1:-}" || ! -f "$cleanlog" ]] || command -p mv -f "$cleanlog" "$cleanlog.old" 2>/dev/null || :
  if [[ -x /usr/local/bin/log-tee ]]; then
    exec > >(exec /usr/local/bin/log-tee "$logfile")
  else
    exec > >(command -p tee -a "$logfile")
  fi
  _log_tee=$!
  exec 2>&1
fi
