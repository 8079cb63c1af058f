# Whoever may log in as root may do so as every other account with a home.
[[ $propagate_user_keys == true ]] || { boot_skip 'switched off by --no-user-keys'; return; }
/opt/instance-tools/bin/boot-step user-propagate-ssh-keys
