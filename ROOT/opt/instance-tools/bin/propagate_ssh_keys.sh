#!/bin/sh
# Gives root's authorized keys to the other accounts, now.
exec /opt/instance-tools/bin/boot-step user-propagate-ssh-keys
