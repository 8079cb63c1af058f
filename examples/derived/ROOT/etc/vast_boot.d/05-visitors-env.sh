# Sourced before step 10 writes /etc/environment: what is exported here is there for every program.
export VISITORS_GREETING=${VISITORS_GREETING:-Welcome}
[[ -n ${PORTAL_CONFIG:-} ]] || export PORTAL_CONFIG='localhost:1111:11111:/:Instance Portal|localhost:7000:17000:/:Visitors'
