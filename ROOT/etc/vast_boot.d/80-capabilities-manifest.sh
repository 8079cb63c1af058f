# What software agents find on this instance, and where.
/opt/instance-tools/bin/boot-step capabilities-manifest
