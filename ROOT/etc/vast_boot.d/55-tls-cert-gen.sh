# The certificate that the sites are served with; without one, ENABLE_HTTPS is false from here on.
_out=$(generate_tls_cert="$generate_tls_cert" /opt/instance-tools/bin/boot-step tls-cert-gen) _status=$?
eval "$_out"
return "$_status"
