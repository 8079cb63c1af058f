#!/bin/bash
# A provisioning script: adds a program to an instance that runs, here a browser for the files of the workspace.
#
#   docker run -e PROVISIONING_SCRIPT=https://…/files.sh -p 8090:8090 -e VAST_TCP_PORT_8090=8090 …
#
# Runs once, as root. To run it again changes nothing.
set -euo pipefail

cat >/opt/supervisor-scripts/files.sh <<'WRAPPER'
#!/bin/bash
utils=/opt/supervisor-scripts/utils
. "$utils/logging.sh"
. "$utils/cleanup_generic.sh"
. "$utils/environment.sh"
. "$utils/exit_serverless.sh"
. "$utils/exit_portal.sh" files

pty caddy file-server --browse --root "$WORKSPACE" --listen 127.0.0.1:18090
WRAPPER
chmod +x /opt/supervisor-scripts/files.sh

cat >/etc/supervisor/conf.d/files.conf <<'CONF'
[program:files]
command=/opt/supervisor-scripts/files.sh
environment=PROC_NAME="%(program_name)s",USER="user",HOME="/home/user"
user=user
autorestart=unexpected
exitcodes=0
startsecs=5
stopasgroup=true
killasgroup=true
stdout_logfile=/dev/stdout
stdout_logfile_maxbytes=0
redirect_stderr=true
CONF

portal add 'localhost:8090:18090:/:Files'
supervisorctl reread
supervisorctl update
