# Where programs log; a directory that all may write to.
/opt/instance-tools/bin/boot-step log-dirs && return
_status=$?
mkdir -p /var/log/supervisor /var/log/portal && chmod 1777 /var/log/portal
return "$_status"
