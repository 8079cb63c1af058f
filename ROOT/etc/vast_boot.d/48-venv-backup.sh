# Lists of packages are no longer made at boot; the file keeps its place for images that remove or replace it.
boot_skip 'lists of packages are no longer made at boot'
