# Programs wait for /.provisioning to go. Before this file: prepare; after it: programs run.
touch /.provisioning
supervisord -n -u root -c /etc/supervisor/supervisord.conf &
supervisord_pid=$!
