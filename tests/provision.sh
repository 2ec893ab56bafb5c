#!/usr/bin/env bash
# Gets from Debian's packages what the tests use and this machine lacks. Never stops the tests:
# what cannot be had is skipped there, loudly.
set -u
missing=()
command -v chromium >/dev/null || missing+=(chromium)
command -v bwrap >/dev/null || missing+=(bubblewrap)
[ ${#missing[@]} -eq 0 ] && exit 0
command -v apt-get >/dev/null || { echo "cannot install: ${missing[*]}"; exit 0; }
sudo=""
[ "$(id -u)" -eq 0 ] || sudo="sudo -n"
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq && $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
  echo "cannot install: ${missing[*]}"
exit 0
